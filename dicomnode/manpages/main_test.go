package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli"
	"dicomnode/dicomnode/trainercmd"
)

// Every verb has a page with its name, its flags and its example.
func TestPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if err := write(dir, "test"); err != nil {
		t.Fatal(err)
	}
	pages := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, verb := range cmd.Commands() {
			visit(verb)
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		pages++
		for _, want := range []string{".SH NAME", ".SH SYNOPSIS", "Exit codes"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%s: no %q", cmd.CommandPath(), want)
			}
		}
		if cmd.Runnable() && !cmd.HasSubCommands() && !bytes.Contains(page, []byte(".SH EXAMPLE")) {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
	}
	visit(cli.Program{Version: "test", Verbs: []*cobra.Command{trainercmd.Command("test")}}.Root())
	if pages < 50 {
		t.Errorf("%d pages", pages)
	}
}
