package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
