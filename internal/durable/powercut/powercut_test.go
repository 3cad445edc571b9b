package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain turns the test program into the process that is recorded.
func TestMain(m *testing.M) {
	if dir := os.Getenv("POWERCUT_DIR"); dir != "" {
		run := writer
		if os.Getenv("POWERCUT_FAILING") != "" {
			run = failing
		}
		if err := run(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// text is long enough to be torn.
func text(b string) string { return strings.Repeat(b, 3*sector) }

// writer writes files in the ways that are told apart, and says what it has done.
func writer(dir string) (err error) {
	do := func(errs ...error) { err = errors.Join(append(errs, err)...) }
	sync := func(name string) {
		f, e := os.Open(filepath.Join(dir, name))
		do(e, f.Sync(), f.Close())
	}
	do(os.Mkdir(filepath.Join(dir, "in"), 0o700), os.Mkdir(filepath.Join(dir, "kept"), 0o700))
	sync(".")
	f, e := os.Create(filepath.Join(dir, "in/a"))
	do(e)
	_, e = f.WriteString(text("a"))
	do(e, f.Sync(), os.Rename(f.Name(), filepath.Join(dir, "kept/a")))
	sync("kept")
	fmt.Println("a")
	_, e = f.WriteAt([]byte(text("b")), sector/2) // never synced
	do(e, f.Close())
	do(os.WriteFile(filepath.Join(dir, "kept/loose"), []byte(text("c")), 0o600))
	sync("kept") // the name alone
	fmt.Println("loose")
	do(os.WriteFile(filepath.Join(dir, "in/nameless"), nil, 0o600))
	do(os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "new")))
	fmt.Println("renamed")
	do(os.Remove(filepath.Join(dir, "kept/a")))
	sync("kept")
	fmt.Println("removed")
	return err
}

// failing syncs again what was not synced; its first, third and fifth sync fail.
func failing(dir string) error {
	runtime.LockOSThread() // syncs are counted in each thread
	old, err := os.OpenFile(filepath.Join(dir, "old"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	var errs []error
	sync := func(f *os.File, well bool) {
		if err := f.Sync(); (err == nil) != well {
			errs = append(errs, fmt.Errorf("sync: %w", err))
		}
	}
	write := func(b string, at int64) {
		_, err := old.WriteAt([]byte(b), at)
		errs = append(errs, err)
	}
	write("A", 0)
	sync(old, false)
	write("C", 2)
	sync(old, true)
	errs = append(errs, os.WriteFile(filepath.Join(dir, "one"), nil, 0o600))
	sync(folder, false)
	errs = append(errs, os.WriteFile(filepath.Join(dir, "two"), nil, 0o600))
	sync(folder, true)
	fmt.Println("done")
	return errors.Join(errs...)
}

// What a failed sync was to make certain is gone, although a later sync succeeds.
func TestFailing(t *testing.T) {
	available(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POWERCUT_DIR="+dir, "POWERCUT_FAILING=1")
	cmd.Stderr = os.Stderr
	r, err := RecordFailing(cmd, dir, "1+2")
	if err != nil {
		t.Fatal(err)
	}
	if out := string(r.Output(r.Moments)); out != "done\n" {
		t.Fatalf("the process said %q", out)
	}
	for name, want := range map[string]string{"old": "beCore", "one": "nothing", "two": ""} {
		if got := images(t, r, r.Moments, Honest, name); got[want] != rounds {
			t.Errorf("%s: %v, want %q", name, got, want)
		}
	}
}

// available skips the test where processes cannot be traced.
func available(t *testing.T) {
	t.Helper()
	if err := Available(); err != nil {
		if os.Getenv("REQUIRE_PEERS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// record records writer in a folder that holds a file.
func record(t *testing.T) *Recording {
	t.Helper()
	available(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POWERCUT_DIR="+dir)
	cmd.Stderr = os.Stderr
	r, err := Record(cmd, dir)
	if err != nil {
		t.Fatal(err)
	}
	if out := string(r.Output(r.Moments)); out != "a\nloose\nrenamed\nremoved\n" {
		t.Fatalf("the process said %q", out)
	}
	return r
}

// said is the first moment at which the process had said something.
func (r *Recording) said(text string) int {
	for _, c := range r.calls {
		if c.name == "write" && c.number(0) == 1 && strings.Contains(string(c.data(1)), text) {
			return c.began
		}
	}
	return r.Moments
}

// rounds is how many images are looked at.
const rounds = 100

// images are what a file, or nothing, held in many images of a moment.
func images(t *testing.T, r *Recording, moment int, kind Disk, name string) map[string]int {
	t.Helper()
	found := map[string]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		dir := t.TempDir()
		if err := r.Image(moment, random, kind, dir); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			found["nothing"]++
		} else {
			found[string(b)]++
		}
	}
	return found
}

func TestImage(t *testing.T) {
	r := record(t)
	atA, atLoose, atRenamed := r.said("a\n"), r.said("loose"), r.said("renamed")
	if got := images(t, r, atA, Honest, "kept/a"); got[text("a")] != rounds {
		t.Errorf("what was synced, under a name that was: %d kinds, %d whole", len(got), got[text("a")])
	}
	if got := images(t, r, atA, Lying, "kept/a"); got["nothing"] == 0 || got[text("a")] == 0 {
		t.Errorf("a disk that ignores syncs loses nothing, or all: %d kinds", len(got))
	}
	if got := images(t, r, atLoose, Honest, "kept/loose"); got["nothing"] != 0 || got[""] == 0 || got[text("c")] == 0 || len(got) < 5 {
		t.Errorf("bytes that were not synced: %d kinds, missing %d, empty %d, whole %d", len(got), got["nothing"], got[""], got[text("c")])
	}
	over := images(t, r, atLoose, Honest, "kept/a")
	for content := range over {
		if !strings.HasPrefix(content, text("a")[:sector/2]) || len(content) < len(text("a")) {
			t.Errorf("bytes nobody wrote over have changed: %d bytes", len(content))
		}
	}
	if len(over) < 5 {
		t.Errorf("only %d images of a file that was written over", len(over))
	}
	if got := images(t, r, atRenamed, Honest, "in/nameless"); got["nothing"] == 0 || got[""] == 0 {
		t.Errorf("a name in a new folder that was not synced: %v", got)
	}
	if got := images(t, r, atRenamed, Honest, "new"); got["nothing"] == 0 || got["before"] == 0 {
		t.Errorf("a rename that was not synced: %v", got)
	}
	if got := images(t, r, r.Moments, Honest, "kept/a"); got["nothing"] != rounds {
		t.Errorf("a removal that was synced: %d kinds", len(got))
	}
}

// TestRename never finds a renamed file without any name.
func TestRename(t *testing.T) {
	r := record(t)
	random := rand.New(rand.NewPCG(3, 4))
	for range rounds {
		dir := t.TempDir()
		if err := r.Image(random.IntN(r.Moments+1), random, Honest, dir); err != nil {
			t.Fatal(err)
		}
		_, old := os.Stat(filepath.Join(dir, "old"))
		_, now := os.Stat(filepath.Join(dir, "new"))
		if old != nil && now != nil {
			t.Fatal("the file is gone under both names")
		}
	}
}
