package nodetest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// PeerProgram finds a peer's program, or skips the test; REQUIRE_PEERS=1 makes
// its absence a failure. DCMTK's names are also those of pynetdicom's programs,
// so the system's folder comes first.
func PeerProgram(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	if os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// FreePort returns a port that was free a moment ago, for programs that cannot
// choose one themselves.
func FreePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// StartProgram runs a program until the test ends and then kills it by its pid.
func StartProgram(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var output Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed, as meant
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), &output)
		}
	})
}

// Until asks ready again and again until it says yes or the test's time is up.
func Until(t testing.TB, what string, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(Time)
	defer deadline.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not in time", what)
		}
	}
}

// Listening reports whether somebody listens on host:port.
func Listening(address string) func() bool {
	return func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return c.Close() == nil
	}
}

// Storescu sends files with DCMTK's storescu to the node at that host:port.
func Storescu(t *testing.T, node, option string, files ...string) {
	t.Helper()
	dcmtkSend(t, "storescu", node, option, files)
}

// Dcmsend sends files with DCMTK's dcmsend to the node at that host:port.
func Dcmsend(t *testing.T, node string, files ...string) {
	t.Helper()
	dcmtkSend(t, "dcmsend", node, "", files)
}

func dcmtkSend(t *testing.T, program, node, option string, files []string) {
	t.Helper()
	host, port, err := net.SplitHostPort(node)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-aet", "MODALITY", "-aec", "XNET", host, port}
	if option != "" {
		args = append([]string{option}, args...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Time)
	defer cancel()
	out, err := exec.CommandContext(ctx, PeerProgram(t, program), append(args, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, option, err, out)
	}
}

// Dciodvfy fails the test on any error or warning about the file.
func Dciodvfy(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command(PeerProgram(t, "dciodvfy"), file).CombinedOutput()
	var complaints []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") {
			complaints = append(complaints, line)
		}
	}
	if err != nil || len(complaints) > 0 {
		t.Errorf("dciodvfy: %v\n%s", err, strings.Join(complaints, ""))
	}
	if !strings.Contains(string(out), "Segmentation") {
		t.Errorf("dciodvfy did not take the file for a segmentation:\n%s", out)
	}
}
