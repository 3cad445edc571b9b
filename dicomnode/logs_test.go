package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sameKey is what the log calls something, by what else it might be called. One thing has
// one key in all streams, so that a search finds it.
var sameKey = map[string]string{
	"err": "error", "cause": "error", "ae": "ae_title", "duration": "took", "elapsed": "took", "ms": "took", "job_id": "job", "object_id": "object",
	"path": "file", "filename": "file", "dir": "folder", "directory": "folder", "addr": "address", "size": "bytes", "length": "bytes",
	"syntax": "transfer_syntax", "model_version": "version", "calling_ae": "calling", "called_ae": "called", "why": "reason", "remedy": "hint",
}

// forbiddenKeys would bring a patient into the log.
var forbiddenKeys = []string{"patient", "name", "birth", "accession", "study_uid", "series_uid", "sop_instance_uid", "instance_uid"}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// logCalls are the methods of slog.Logger, and where their keys begin.
var logCalls = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0}

// TestLogKeys: each key of a log call is a word in snake case, the one that other calls
// use for the same thing, and none that names a patient.
func TestLogKeys(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, n := token.NewFileSet(), 0
	for _, name := range strings.Fields(string(out)) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, filepath.Join("..", name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			for _, key := range logKeys(node) {
				n++
				checkKey(t, files.Position(node.Pos()).String(), key)
			}
			return true
		})
	}
	if n < 150 {
		t.Errorf("only %d keys were found", n)
	}
}

// logKeys are the keys that a node of a program logs by.
func logKeys(node ast.Node) (keys []string) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	first, ok := logCalls[method.Sel.Name]
	if !ok || len(call.Args)-first < 2 { // http.Error and the like have other arguments
		return nil
	}
	for i := first; i+1 < len(call.Args); i += 2 {
		if word, ok := call.Args[i].(*ast.BasicLit); ok && word.Kind == token.STRING {
			if key, err := strconv.Unquote(word.Value); err == nil && !strings.Contains(key, " ") { // http.Error's text is no key
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func checkKey(t *testing.T, at, key string) {
	t.Helper()
	if !snakeCase.MatchString(key) {
		t.Errorf("%s: key %q, want snake case", at, key)
	}
	if usual, ok := sameKey[key]; ok {
		t.Errorf("%s: key %q, elsewhere called %q", at, key, usual)
	}
	for _, f := range forbiddenKeys {
		if key == f || strings.HasPrefix(key, "patient") {
			t.Errorf("%s: key %q may name a patient", at, key)
		}
	}
}
