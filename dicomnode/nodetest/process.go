package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dicomnode/configs"
)

// asProgram makes the test binary behave as the program: see TestMain. It is the
// whole program, main included, built with the flags of the test.
const asProgram = "DICOMNODE_TEST_AS_PROGRAM"

// process is "dicomnode serve" in a process of its own.
type process struct {
	config string // its configuration file
	port   int    // on loopback
	log    *lockedBuffer
	cmd    *exec.Cmd
	logged chan struct{} // closed when its standard error has ended
}

// newProcess writes the configuration of a node with those peers and routes. The
// node is stopped when the test ends.
func newProcess(t testing.TB, peersAndRoutes string) *process {
	t.Helper()
	requireModel(t)
	p := &process{config: filepath.Join(t.TempDir(), "node.yaml"), port: freePort(t), log: &lockedBuffer{}}
	p.configure(t, t.TempDir(), peersAndRoutes)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("node's log:\n%s", p.log)
		}
	})
	return p
}

// configure writes the configuration file anew.
func (p *process) configure(t testing.TB, dataDir, peersAndRoutes string) {
	t.Helper()
	text := fmt.Sprintf("node: {ae_title: XNET, listen: \"127.0.0.1:%d\", data_dir: %q}\n%s", p.port, dataDir, peersAndRoutes)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the node and waits until it listens.
func (p *process) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0], "serve", "--config", p.config)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, logged := make(chan struct{}), make(chan struct{})
	p.logged = logged
	go func() {
		defer close(logged)
		lines := bufio.NewScanner(stderr)
		for listens := false; lines.Scan(); {
			fmt.Fprintln(p.log, lines.Text())
			if !listens && strings.Contains(lines.Text(), "msg=listening") {
				listens = true
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case <-logged:
		t.Fatal("the node ended instead of listening")
	case <-time.After(testTime):
		t.Fatal("the node does not listen")
	}
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.logged
	_ = p.cmd.Wait() // killed, as meant
	p.cmd = nil
}

// stop is kill -TERM: the node must end with exit code 0.
func (p *process) stop(t testing.TB) {
	t.Helper()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.logged
	if err := errors.Join(err, p.cmd.Wait()); err != nil {
		t.Errorf("stop node: %v", err)
	}
	p.cmd = nil
}

// hangup sends SIGHUP and waits until the node logs that.
func (p *process) hangup(t *testing.T, logged string) {
	t.Helper()
	before := len(p.log.String())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, logged, func() bool { return strings.Contains(p.log.String()[before:], logged) })
}

// as calls the node as that application entity.
func (p *process) as(calling string) destination {
	c := configs.Default()
	c.Node.AETitle = calling
	return destination{c, configs.Peer{Name: "node", AETitle: "XNET", Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))}}
}
