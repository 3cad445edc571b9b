package export_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dicomnode/trainer/export"
)

// childSource and childOut make TestKilledChild export from one folder to another.
const (
	childSource = "DICOMNODE_EXPORT_TEST_SOURCE"
	childOut    = "DICOMNODE_EXPORT_TEST_OUT"
)

// An export that is killed repeatedly after any number of objects continues and gives the same
// bytes as one that was not interrupted.
func TestKilled(t *testing.T) {
	source := patients(t, 6)
	whole, killed := filepath.Join(t.TempDir(), "set"), filepath.Join(t.TempDir(), "set")
	run(t, options(source, whole))
	for objects := 1; objects <= 6; objects++ {
		killChild(t, source, killed, objects)
	}
	r := run(t, options(source, killed))
	if r.Kept < 1 {
		t.Errorf("%d objects were kept of the runs before", r.Kept)
	}
	if d := differences(tree(t, whole), tree(t, killed)); len(d) > 0 {
		t.Errorf("%v differ", d)
	}
	if _, err := os.Stat(killed + ".work"); !os.IsNotExist(err) {
		t.Errorf("something of the runs that were killed stays: %v", err)
	}
}

// killChild exports in a separate process and kills it after the given number of objects.
func killChild(t *testing.T, source, out string, objects int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), childSource+"="+source, childOut+"="+out)
	cmd.Stderr = os.Stderr
	in, errIn := cmd.StdinPipe() // closed when this process ends, which ends the child
	stdout, err := cmd.StdoutPipe()
	if err = errors.Join(err, errIn); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, want := bufio.NewScanner(stdout), fmt.Sprint("done ", objects)
	for lines.Scan() && lines.Text() != want {
		continue
	}
	err = cmd.Process.Kill() // kill -9
	_, _ = in.Close(), cmd.Wait()
	if err != nil {
		t.Fatalf("the export ended before %d objects were done: %v", objects, err)
	}
}

// TestKilledChild is the process that TestKilled kills.
func TestKilledChild(t *testing.T) {
	if os.Getenv(childSource) == "" {
		t.Skip("only as the child of TestKilled")
	}
	opt := options(os.Getenv(childSource), os.Getenv(childOut))
	opt.Workers = 2
	opt.Progress = func(done, _ int) { fmt.Println("done", done) }
	_, err := export.Run(t.Context(), opt)
	_, _ = io.Copy(io.Discard, os.Stdin) // waits to be killed
	t.Error(err, "the export was not killed")
}
