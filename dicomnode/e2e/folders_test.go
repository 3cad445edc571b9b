package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
)

// The sync of every folder for objects fails. No folder is synced again after it has failed;
// each image is answered with A700, and when no folder is left, the node ends with exit code 1.
// Started anew, it takes all images.
func TestNoFolderLeft(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	s := newSweep(t, nodetest.NewKeepingPACS(t))
	s.start()
	folders, err := filepath.Glob(filepath.Join(s.archive(), "objects", "*"))
	if err != nil || len(folders) < 100 {
		t.Fatal(len(folders), "folders", err)
	}
	tracer := attach(t, s.p.PID(), "fsync:error=EIO", "fsync", folders...)
	files := s.make(len(folders) + 20)
	results, _ := s.p.As("MODALITY").StoreFiles(t.Context(), files, func() {}) // the node may end before the last
	refused := 0
	for i, r := range results {
		if r.Status == "A700" {
			refused++
		} else if r.Status != "" || i < len(folders) {
			t.Errorf("image %d: %q, %s", i+1, r.Status, r.Error)
		}
	}
	nodetest.Until(t, "the end of the node", s.p.Ended)
	injected := tracer.detach(t)
	if code := s.p.End(t); code != 1 {
		t.Errorf("the node ended with exit code %d, want 1", code)
	}
	if injected != len(folders) {
		t.Errorf("%d syncs of %d folders", injected, len(folders))
	}
	if log := s.p.Log.String(); !strings.Contains(log, "no folder is left") {
		t.Error("the log does not say that no folder is left")
	}
	t.Logf("%d folders, %d images refused", len(folders), refused)
	s.start()
	if again := s.send(files); len(again) > 0 {
		t.Errorf("%d images are refused when the disk is well", len(again))
	}
	s.restart()
}

// A sync fails of each of the folders that the first start makes. The node does not start, says
// why, and removes the folders that it made, so that the next start makes their names anew.
func TestFirstStartWithoutSync(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	pacs := nodetest.NewKeepingPACS(t)
	for _, folder := range []string{"", "archive", "archive/objects"} {
		s := newSweep(t, pacs)
		p, dataDir := s.p, filepath.Dir(s.archive())
		p.Wrap = []string{"strace", "-f", "-qq", "-o", filepath.Join(s.dir, "trace"), "-e", "signal=none", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "-P", filepath.Join(dataDir, folder)}
		if err := p.TryStart(); err != nil {
			t.Fatal(err)
		}
		if code := p.End(t); code != 1 || !strings.Contains(p.Log.String(), "input/output error") {
			t.Errorf("the sync of %q failed: exit code %d, want 1, and the reason", folder, code)
		}
		left, err := filepath.Glob(filepath.Join(dataDir, "archive", "objects", "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("the sync of %q failed: %d folders are left, %v", folder, len(left), err)
		}
		p.Wrap = nil
		s.start()
		if failed := s.send(s.make(3)); len(failed) > 0 {
			t.Errorf("%d images are refused when the disk is well", len(failed))
		}
		s.restart()
	}
}

// Files that "archive rebuild" finds are made durable unless the old index names them; an error
// of that ends it.
func TestRebuildMakesDurable(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	s := newSweep(t, nodetest.NewKeepingPACS(t))
	s.start()
	if failed := s.send(s.make(3)); len(failed) > 0 {
		t.Fatalf("%d images are refused", len(failed))
	}
	s.p.Kill()
	dir := s.archive()
	files, err := filepath.Glob(filepath.Join(dir, "objects", "*", "*"))
	if err != nil || len(files) != 4 { // one of start
		t.Fatal(files, err)
	}
	rebuild := func(lost bool) (said string, injected int, err error) {
		t.Helper()
		indexes, err := filepath.Glob(filepath.Join(dir, "index.sqlite*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range indexes {
			if lost {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		trace := filepath.Join(s.dir, "trace")
		cmd := exec.Command("strace", "-f", "-qq", "-o", trace, "-e", "signal=none", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "-P", files[2],
			os.Args[0], "archive", "rebuild", "--config", s.p.Config)
		cmd.Env = nodetest.AsProgram()
		out, err := cmd.CombinedOutput()
		return string(out), bytes.Count(written(t, trace), []byte("(INJECTED)")), err
	}
	if said, injected, err := rebuild(false); err != nil || injected != 0 {
		t.Errorf("with the old index: %v, %d files synced\n%s", err, injected, said)
	}
	if said, injected, err := rebuild(true); err == nil || injected != 1 || !strings.Contains(said, "make a found file durable: ") {
		t.Errorf("without an index: %v, %d failures\n%s", err, injected, said)
	}
	run := func(verb string) ([]byte, error) {
		cmd := exec.Command(os.Args[0], "archive", verb, "--config", s.p.Config)
		cmd.Env = nodetest.AsProgram()
		return cmd.CombinedOutput()
	}
	if out, err := run("check"); err == nil || !strings.Contains(string(out), `"dicomnode archive rebuild" completes it`) {
		t.Errorf("an incomplete index is used: %v\n%s", err, out)
	}
	if out, err := run("rebuild"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.start()
	s.restart()
}

func written(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
