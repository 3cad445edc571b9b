// Package ort runs ONNX models on ONNX Runtime: it finds the shared library,
// loads it once per process, chooses the device (CPU or CUDA) and gives
// sessions over preallocated float32 tensors in host memory. It knows nothing
// of XNet; other element types, devices and dynamic shapes are out of scope.
package ort

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// The library is loaded once and stays for the life of the process: ONNX
// Runtime keeps threads and global state that do not survive unloading.
var loaded struct {
	sync.Mutex
	path string
}

// Init loads the library at path (as Library returned it) and starts ONNX
// Runtime's environment. Calling it again with the same path does nothing; a
// second library in one process is refused.
func Init(path string) error {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	loaded.Lock()
	defer loaded.Unlock()
	switch loaded.path {
	case path:
		return nil
	case "":
	default:
		return fmt.Errorf("load ONNX Runtime from %s: already loaded from %s", path, loaded.path)
	}
	oneHeap()
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("load ONNX Runtime %s from %s: %w; run `make runtime` for the matching release", Version, path, err)
	}
	loaded.path = path
	return nil
}

// Loaded returns the path of the loaded library and the release it reports,
// both empty before Init.
func Loaded() (path, version string) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.path == "" {
		return "", ""
	}
	return loaded.path, strings.TrimSpace(ort.GetVersion())
}

// Find looks a library up with Library and loads it with Init, unless one is
// loaded already and explicit is empty.
func Find(explicit string) error {
	if path, _ := Loaded(); path != "" && explicit == "" {
		return nil
	}
	path, _, err := Library(explicit)
	if err != nil {
		return err
	}
	return Init(path)
}
