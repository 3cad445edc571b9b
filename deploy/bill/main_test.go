package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// libraries makes a folder with a file for each name.
func libraries(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, n)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n), []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// made writes the bill of this test's own program.
func made(t *testing.T, libraries string) (document []byte, licences string, err error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, licences := filepath.Join(t.TempDir(), "bill.json"), t.TempDir()
	if err := bill(program, "1.0", libraries, "../../NOTICE", 86400, out, licences); err != nil {
		return nil, "", err
	}
	document, err = os.ReadFile(out)
	return document, licences, err
}

// TestBill: the same input gives the same bytes, with every module, every library and
// the licences of both.
func TestBill(t *testing.T) {
	dir := libraries(t, "libonnxruntime.so.1.27.0", "codecs/libcharls.so")
	first, licences, err := made(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := made(t, dir)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second differs, %v", err)
	}
	var d document
	if err := json.Unmarshal(first, &d); err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, c := range d.Components {
		have[c.Name] = c.Version + " " + c.Licences[0].Expression
	}
	for name, want := range map[string]string{"ONNX Runtime": "1.27.0 MIT", "CharLS": " BSD-3-Clause", "github.com/google/uuid": "v1.6.0 BSD-3-Clause"} {
		if have[name] != want {
			t.Errorf("%s: %q, want %q", name, have[name], want)
		}
	}
	text, err := os.ReadFile(filepath.Join(licences, "github.com-google-uuid.txt"))
	if err != nil || !strings.Contains(string(text), "Redistribution and use") {
		t.Errorf("licence of a module: %.40q, %v", text, err)
	}
}

// TestUnknownLibrary: what nobody knows is not delivered.
func TestUnknownLibrary(t *testing.T) {
	for _, name := range []string{"libother.so", "codecs/libother.so.1"} {
		if _, _, err := made(t, libraries(t, "libonnxruntime.so.1.27.0", name)); err == nil || !strings.Contains(err.Error(), "unknown library") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := made(t, t.TempDir()); err == nil {
		t.Error("a folder without a library is delivered")
	}
}
