package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
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
