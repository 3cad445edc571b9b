package nodetest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
)

// asProgram makes the test binary behave as the program: see Main.
const asProgram = "DICOMNODE_TEST_AS_PROGRAM"

// Main is what TestMain does where processes are started: it runs the tests, or, in a
// process that a test started, the program, built with the flags of the test.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) == "1" {
		program()
		return
	}
	os.Exit(m.Run())
}

// AsProgram is the environment in which the test binary is the program.
func AsProgram() []string { return append(os.Environ(), asProgram+"=1") }

// Process is "dicomnode serve" in a process of its own.
type Process struct {
	Config string // its configuration file
	Port   int    // on loopback
	Log    *Buffer
	Wrap   []string // the beginning of a command line that ends as the node; none for the node itself
	cmd    *exec.Cmd
	logged chan struct{} // closed when its standard error has ended

	listened bool
	models   string // model: and segmentation: of its configuration
}

// NewProcess writes the configuration of a [Light] node with those peers and routes. The
// node is stopped when the test ends.
func NewProcess(t testing.TB, peersAndRoutes string) *Process {
	t.Helper()
	c := Light(configs.Default())
	return newProcess(t, fmt.Sprintf("model: {bundle: %q}\nsegmentation: {effort: %s}\n", c.Model.Bundle, c.Segmentation.Effort), peersAndRoutes)
}

// NewWholeProcess is NewProcess with the model of the program.
func NewWholeProcess(t testing.TB, peersAndRoutes string) *Process {
	t.Helper()
	return newProcess(t, "", peersAndRoutes)
}

func newProcess(t testing.TB, models, peersAndRoutes string) *Process {
	t.Helper()
	RequireModel(t)
	p := &Process{models: models, Config: filepath.Join(t.TempDir(), "node.yaml"), Port: FreePort(t), Log: &Buffer{}}
	p.Configure(t, t.TempDir(), peersAndRoutes)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("node's log:\n%s", p.Log)
		}
	})
	return p
}

// Configure writes the configuration file anew.
func (p *Process) Configure(t testing.TB, dataDir, peersAndRoutes string) {
	t.Helper()
	text := fmt.Sprintf("node: {ae_title: XNET, listen: \"127.0.0.1:%d\", data_dir: %q}\n%s%s", p.Port, dataDir, peersAndRoutes, p.models)
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Start runs the node and waits until it listens.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	if err := p.TryStart(); err != nil {
		t.Fatal(err)
	}
	if p.Ended() && !p.listened {
		t.Fatal("the node ended instead of listening")
	}
}

// TryStart is Start for a node that may end at once.
func (p *Process) TryStart() error {
	line := append(slices.Clone(p.Wrap), os.Args[0], "serve", "--config", p.Config)
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Env = AsProgram()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	ready, logged := make(chan struct{}), make(chan struct{})
	p.logged, p.listened = logged, false
	go func() {
		defer close(logged)
		lines := bufio.NewScanner(stderr)
		for listens := false; lines.Scan(); {
			fmt.Fprintln(p.Log, lines.Text())
			if !listens && strings.Contains(lines.Text(), "msg=listening") {
				listens = true
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
		p.listened = true
		return nil
	case <-logged:
		return nil
	case <-time.After(Time):
		return errors.New("the node does not listen")
	}
}

// Kill is kill -9.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.logged
	_ = p.cmd.Wait() // killed, as meant
	p.cmd = nil
}

// End waits until the process has ended by itself and returns its exit code.
func (p *Process) End(t testing.TB) int {
	t.Helper()
	Until(t, "the end of the node", p.Ended)
	_ = p.cmd.Wait() // the exit code says it
	code := p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return code
}

// Stop is kill -TERM: the node must end with exit code 0.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.logged
	if err := errors.Join(err, p.cmd.Wait()); err != nil {
		t.Errorf("stop node: %v", err)
	}
	p.cmd = nil
}

// Hangup sends SIGHUP and waits until the node logs that.
func (p *Process) Hangup(t *testing.T, logged string) {
	t.Helper()
	before := len(p.Log.String())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	Until(t, logged, func() bool { return strings.Contains(p.Log.String()[before:], logged) })
}

// As calls the node as that application entity.
func (p *Process) As(calling string) scu.Destination {
	c := configs.Default()
	c.Node.AETitle = calling
	return scu.Destination{Config: c, Peer: configs.Peer{Name: "node", AETitle: "XNET", Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port))}}
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended reports whether the process has ended by itself.
func (p *Process) Ended() bool {
	select {
	case <-p.logged:
		return true
	default:
		return false
	}
}
