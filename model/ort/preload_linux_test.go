package ort

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPreload(t *testing.T) {
	dir := t.TempDir()
	err := preload(dir)
	if driver := dlopen("libcuda.so.1") == nil; driver != (err == nil) {
		t.Fatalf("driver present: %v, but %v", driver, err)
	}
	if err != nil {
		if !strings.Contains(err.Error(), "NVIDIA driver") {
			t.Errorf("%v does not name the driver", err)
		}
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "libcudart.so.13"), []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := preload(dir); err == nil || !strings.Contains(err.Error(), "libcudart.so.13") {
		t.Errorf("a file that is no library: %v", err)
	}
}

func TestDlopen(t *testing.T) {
	if err := dlopen("libc.so.6"); err != nil {
		t.Error(err)
	}
	if err := dlopen(filepath.Join(t.TempDir(), "absent.so")); err == nil || !strings.Contains(err.Error(), "absent.so") {
		t.Errorf("absent library: %v", err)
	}
}
