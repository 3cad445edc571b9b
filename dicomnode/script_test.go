package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dicomnode/model/ort"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){
		"dicomnode": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScript runs the command line as its users do. "usage" and "failed" run a
// program that must exit with 2 and 1.
func TestScript(t *testing.T) {
	library, _, err := ort.Library("")
	if err != nil && os.Getenv("REQUIRE_ORT") == "1" {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: func(e *testscript.Env) error { e.Setenv("DICOMNODE_ORT_LIB", library); return nil },
		Condition: func(name string) (bool, error) {
			if name != "ort" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return library != "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"usage":  exits(exitUsage),
			"failed": exits(exitFailed),
		},
	})
}

func exits(want int) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: usage|failed program args…")
		}
		err := ts.Exec(args[0], args[1:]...)
		code := 0
		if err != nil {
			code = exitCode(err)
		}
		if code != want {
			ts.Fatalf("exit code %d, want %d", code, want)
		}
	}
}

// exitCode is the exit code of a command that ran, -1 of one that did not.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
