package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// noWrongInput are verbs without a row in wrongInputs, and why.
var noWrongInput = map[string]string{
	"demo": "starts a node and a PACS", "version": "reads nothing",
}

// notInScripts are verbs that no script of testdata/script calls, and the test that does.
var notInScripts = map[string]string{
	"demo": "TestDemo of dicomnode/demo", "drain": "TestPagesRun, docs/install.md",
	"reprocess": "TestPagesRun, docs/operations.md",
	"dark add":  "TestDarkVerbs of dicomnode/cli", "dark list": "TestDarkVerbs of dicomnode/cli", "dark drop": "TestDarkVerbs of dicomnode/cli",
}

// TestVerbs says what a verb lacks; CONTRIBUTING.md, "Add a verb", says where it belongs.
func TestVerbs(t *testing.T) {
	scripts := scriptText(t)
	n := 0
	for verb, cmd := range verbs() {
		n++
		lacks := func(what string) { t.Errorf("dicomnode %s: %s", verb, what) }
		if cmd.Short == "" || !strings.Contains(cmd.Long, "Exit codes") {
			lacks("no Short, or a Long without exit codes (command.ExitCodes)")
		}
		if !strings.Contains(cmd.Example, "dicomnode "+verb) {
			lacks("no Example that calls it")
		}
		if cmd.Args == nil {
			lacks("no Args (command.WantArgs)")
		}
		_, excused := noWrongInput[verb]
		if has := rowOfWrongInputs(verb); !has && !excused {
			lacks("no row of wrongInputs in dicomnode/wronginput_test.go")
		} else if has && excused {
			lacks("has a row of wrongInputs: take it out of noWrongInput")
		}
		_, excused = notInScripts[verb]
		if has := strings.Contains(scripts, "dicomnode "+verb+" ") || strings.Contains(scripts, "dicomnode "+verb+"\n"); !has && !excused {
			lacks("no script of dicomnode/testdata/script calls it")
		} else if has && excused {
			lacks("is called by a script: take it out of notInScripts")
		}
	}
	if n < 50 {
		t.Errorf("only %d verbs", n)
	}
}

// verbs are the commands that can be called, by their names without "dicomnode".
func verbs() map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var visit func(cmd *cobra.Command, name string)
	visit = func(cmd *cobra.Command, name string) {
		if cmd.Hidden {
			return
		}
		if cmd.Runnable() && !cmd.HasSubCommands() {
			all[name] = cmd
		}
		for _, sub := range cmd.Commands() {
			visit(sub, strings.TrimSpace(name+" "+sub.Name()))
		}
	}
	visit(program().Root(), "")
	return all
}

func rowOfWrongInputs(verb string) bool {
	for _, c := range wrongInputs {
		if strings.HasPrefix(c.args+" ", verb+" ") {
			return true
		}
	}
	return false
}

// scriptText is every script of the command line.
func scriptText(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
