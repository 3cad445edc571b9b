package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/model/ort"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dicomnode": main,
	})
}

// TestScript runs the command line as its users do. "usage" and "failed" run a
// program that must exit with 2 and 1; "until PATTERN program" runs it again and
// again until its output matches; "image NAME ROWS COLUMNS" writes NAME.dcm. PORT
// is one that nobody uses, ONNX Runtime's place is known, and the condition ort
// reports whether it is there.
func TestScript(t *testing.T) {
	library, _, err := ort.Library("")
	if err != nil && os.Getenv("REQUIRE_ORT") == "1" {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PORT", strconv.Itoa(nodetest.FreePort(t)))
			e.Setenv("DICOMNODE_ORT_LIB", library)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "ort" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return library != "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"usage":  exits(command.Usage),
			"failed": exits(command.Failed),
			"until":  untilOutput,
			"image":  writeImage,
		},
	})
}

// untilOutput leaves the output that matched to the commands after it.
func untilOutput(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until pattern program args…")
	}
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	deadline := time.NewTimer(nodetest.Time)
	defer deadline.Stop()
	for {
		begun := time.Now()
		if err := ts.Exec(args[1], args[2:]...); err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-time.After(pauseAfter(begun)):
		case <-deadline.C:
			ts.Fatalf("no output matches %q in time; the last:\n%s%s", args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

// pauseAfter is how long to wait after a call that was begun then, and is made again: as
// long as it took, so that what is waited for has half of the processor.
func pauseAfter(begun time.Time) time.Duration { return max(100*time.Millisecond, time.Since(begun)) }

// writeImage writes an image; one of 0 rows has no pixels.
func writeImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: image name rows columns")
	}
	rows, err := strconv.Atoi(args[1])
	ts.Check(err)
	cols, err := strconv.Atoi(args[2])
	ts.Check(err)
	_, err = nodetest.Image{Name: args[0], Rows: rows, Cols: cols}.Write(ts.MkAbs("."))
	ts.Check(err)
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
