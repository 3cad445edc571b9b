// Package runtime_test checks the script behind `make runtime` against clients
// that misbehave; it downloads nothing.
package runtime_test

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const library = "libonnxruntime.so.1.27.0"

// wrongWheel writes a wheel whose files, named so, are not the libraries.
func wrongWheel(t *testing.T, path string, names ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("not the library")); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// client writes a program that stands in for pip or npm.
func client(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// fetch runs the script into dir.
func fetch(t *testing.T, dir, pip, npm string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{"fetch.sh"}, args...)...)
	cmd.Env = append(os.Environ(), "RUNTIME_DIR="+dir, "PIP="+pip, "NPM="+npm)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestFetchRefusesWrongLibrary(t *testing.T) {
	wheel := filepath.Join(t.TempDir(), "wrong.whl")
	wrongWheel(t, wheel, "onnxruntime/capi/"+library)
	pip := client(t, `[ "$1" = --version ] && exit
while [ "$1" != -d ]; do shift; done
cp `+wheel+` "$2/onnxruntime-1.27.0-any.whl"
`)
	dir := t.TempDir()
	out, err := fetch(t, dir, pip, "/nonexistent")
	if err == nil || !strings.Contains(out, "SHA-256") {
		t.Errorf("wrong library: %v, %q", err, out)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v behind", left)
	}
}

func TestFetchWithoutClients(t *testing.T) {
	out, err := fetch(t, t.TempDir(), "/nonexistent", "/nonexistent")
	if err == nil || !strings.Contains(out, "install python3-pip or npm") {
		t.Errorf("no client: %v, %q", err, out)
	}
	if out, err = fetch(t, t.TempDir(), "/nonexistent", "/nonexistent", "other"); err == nil || !strings.Contains(out, "usage") {
		t.Errorf("unknown argument: %v, %q", err, out)
	}
}

// A library that is there and right is not fetched again.
func TestFetchLeavesRightLibrary(t *testing.T) {
	dir, err := filepath.Abs("../../.runtime")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, library)); err != nil {
		if os.Getenv("REQUIRE_ORT") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := fetch(t, dir, "/nonexistent", "/nonexistent"); err != nil || !strings.Contains(out, "there and right") {
		t.Errorf("%v, %q", err, out)
	}
}

// The codecs: a wrong library is refused and leaves nothing; without pip the node works
// without them, which is no failure; what is there is not fetched again.
func TestFetchCodecs(t *testing.T) {
	wheel := filepath.Join(t.TempDir(), "wheel")
	wrongWheel(t, wheel, "imagecodecs.libs/libjpeg-12.so.8", "imagecodecs.libs/libcharls-12.so.2", "imagecodecs.libs/libopenjp2-12.so.2", "imagecodecs.libs/libopenjph-12.so.0.32.0")
	pip := client(t, "while [ \"$1\" != -d ]; do shift; done\ncp "+wheel+" \"$2/imagecodecs-1-any.whl\"\n")
	dir := t.TempDir()
	if out, err := fetch(t, dir, pip, "/nonexistent", "codecs"); err == nil || !strings.Contains(out, "not the one of the table") {
		t.Errorf("wrong libraries: %v, %q", err, out)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v behind", left)
	}
	if out, err := fetch(t, dir, "/nonexistent", "/nonexistent", "codecs"); err != nil || !strings.Contains(out, "works without") {
		t.Errorf("no client: %v, %q", err, out)
	}
	fetched, err := filepath.Abs("../../.runtime")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(fetched, "codecs", "libjpeg.so")); err != nil {
		if os.Getenv("REQUIRE_CODECS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := fetch(t, fetched, "/nonexistent", "/nonexistent", "codecs"); err != nil || !strings.Contains(out, "there and right") {
		t.Errorf("%v, %q", err, out)
	}
}
