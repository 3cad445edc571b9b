package command_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/internal/part10"
)

// An error without a hint of its own gets one by its kind; one that has a hint keeps it.
func TestReportHints(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(path ...string) error {
		_, err := os.ReadFile(filepath.Join(path...))
		return fmt.Errorf("read: %w", err)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"missing file", open(dir, "none"), "hint: see what is there with ls, and correct the name\n"},
		{"missing folder", open(dir, "none", "file"), "hint: there is no folder " + filepath.Join(dir, "none") + ": make it, or correct the path\n"},
		{"file for folder", open(file, "x"), "hint: a file stands where a folder is meant"},
		{"folder for file", open(dir), "hint: name a file, not a folder\n"},
		{"full disk", &fs.PathError{Op: "write", Path: file, Err: syscall.ENOSPC}, "hint: the disk is full"},
		{"permission", &fs.PathError{Op: "open", Path: file, Err: syscall.EACCES}, "hint: call it as a user who may"},
		{"no DICOM file", fmt.Errorf("read: %w", part10.ErrNotPart10), "hint: a DICOM file has"},
		{"own hint", hint.Add(open(dir, "none"), "own"), "hint: own\n"},
		{"unknown kind", errors.New("odd"), ""},
	} {
		var b strings.Builder
		command.Report(&b, c.err)
		if got := b.String(); !strings.Contains(got, c.want) || strings.Contains(got, "hint:") != (c.want != "") {
			t.Errorf("%s: got %q, want %q in it", c.name, got, c.want)
		}
	}
}
