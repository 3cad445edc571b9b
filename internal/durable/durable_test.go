package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dicomnode/internal/durable"
)

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	expect := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("file holds %q, %v; want %q", got, err, want)
		}
		if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
			t.Errorf("folder holds %v, %v; want one file", names, err)
		}
	}
	if err := durable.ReplaceBytes(path, 0o640, []byte("old")); err != nil {
		t.Fatal(err)
	}
	expect("old")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	broken := errors.New("broken")
	err := durable.Replace(path, 0o640, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the writer's error", err)
	}
	expect("old")
	if err := durable.ReplaceBytes(path, 0o640, []byte("new")); err != nil {
		t.Fatal(err)
	}
	expect("new")
}

// Files within a folder are replaced like others, and a name does not leave it.
func TestIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, replace := range []func(*os.Root, string, fs.FileMode, func(io.Writer) error) error{durable.ReplaceIn, durable.WholeIn} {
		content := func(w io.Writer) error { _, err := io.WriteString(w, "content"); return err }
		if err := replace(root, filepath.Join("deep", "file"), 0o640, content); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "deep", "file")); err != nil || string(got) != "content" {
			t.Errorf("file holds %q, %v", got, err)
		}
		if err := replace(root, filepath.Join("..", "file"), 0o640, content); err == nil {
			t.Error("a file outside the folder was written")
		}
		broken := errors.New("broken")
		if err := replace(root, filepath.Join("deep", "other"), 0o640, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("got %v, want the writer's error", err)
		}
	}
	if names, err := os.ReadDir(filepath.Join(dir, "deep")); err != nil || len(names) != 1 {
		t.Errorf("folder holds %v, %v; want one file", names, err)
	}
}

// A writer that was killed leaves its part, and Clean takes it: no other file's, and
// nothing that only looks like it.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, name := range []string{"file", ".new-file-0123abcd", ".new-file-0", ".new-file2-0123abcd", ".new-file-0123abcde"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := durable.Clean(path); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) != 3 || slices.Contains(left, filepath.Join(dir, ".new-file-0123abcd")) {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := durable.Clean(filepath.Join(dir, "none", "file")); err != nil {
		t.Error(err)
	}
}

// A name may be as long as a file system allows.
func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	if err := durable.ReplaceBytes(path, 0o600, []byte("content")); err != nil {
		t.Error(err)
	}
}

// A file that is written once more is what it was.
func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := strings.Repeat("content", 1<<18)
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.Rewrite(path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("file holds %d bytes, %v; want %d as they were", len(got), err, len(want))
	}
	if err := durable.Rewrite(path + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// Folders are made with those above them, and what was made is removed again after an error.
func TestMakeAll(t *testing.T) {
	dir := t.TempDir()
	there, deep, wide := filepath.Join(dir, "there"), filepath.Join(dir, "new", "deep", "er"), filepath.Join(dir, "new", "wide")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.MakeAll(0o750, there, deep, wide, filepath.Join(dir, "file")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file in the way: %v, want %v", err, fs.ErrExist)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was made is still there: %v", err)
	}
	for range 2 {
		if err := durable.MakeAll(0o750, there, deep, wide); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{there, deep, wide} {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

func TestReady(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		path string
		want error
	}{
		{old, nil},
		{filepath.Join(dir, "new"), nil},
		{dir, syscall.EISDIR},
		{filepath.Join(dir, "none", "new"), fs.ErrNotExist},
		{filepath.Join(old, "new"), syscall.ENOTDIR},
	} {
		err := durable.Ready(x.path)
		if !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", x.path, err, x.want)
		}
		if err != nil && !strings.Contains(err.Error(), x.path) {
			t.Errorf("%q does not name %s", err, x.path)
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("folder holds %v, %v; want one file", names, err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("file holds %q, %v; want it as it was", got, err)
	}
}
