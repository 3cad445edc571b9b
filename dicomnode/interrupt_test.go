package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/trainercmd"
)

// Ctrl-C is told in words, with how to go on.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if code := program().Run(t.Context(), []string{"trainer", "simulate", "--out", data, "--count", "4", "--size", "64"}, io.Discard, io.Discard); code != command.OK {
		t.Fatalf("simulate ended with %d", code)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, x := range map[string]struct {
		args []string
		hint string
	}{
		"simulate": {[]string{"trainer", "simulate", "--out", data, "--count", "8", "--size", "64"}, trainercmd.GoesOn},
		"augment":  {[]string{"trainer", "augment", data, "--out", filepath.Join(dir, "many")}, trainercmd.GoesOn},
		"compare":  {[]string{"trainer", "compare", data, "--model", "none"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var told strings.Builder
			code := program().Run(stopped, x.args, io.Discard, &told)
			want := "dicomnode: interrupted\n"
			if x.hint != "" {
				want += "hint: " + x.hint + "\n"
			}
			if code != command.Failed || told.String() != want {
				t.Errorf("exit code %d and %q, want %d and %q", code, told.String(), command.Failed, want)
			}
		})
	}
}
