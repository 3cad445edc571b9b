package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"unsafe"
)

// cudaLibraries are what the CUDA provider needs, in an order in which each
// finds what it needs itself.
var cudaLibraries = []string{
	"libcudart.so.*", "libnvJitLink.so.*", "libnvrtc-builtins.so.*", "libnvrtc.so.*",
	"libcublasLt.so.*", "libcublas.so.*", "libcufft.so.*", "libcurand.so.*",
	"libcudnn_graph.so.*", "libcudnn_ops.so.*", "libcudnn_*.so.*", "libcudnn.so.*",
}

// preload loads the driver, then the CUDA libraries that lie in dir. The provider names no folder
// to look for them in; once loaded, the dynamic linker matches them by name.
// Without any in dir the system's own are used, so that is no error.
func preload(dir string) error {
	if err := dlopen("libcuda.so.1"); err != nil {
		return fmt.Errorf("no NVIDIA driver: %w", err)
	}
	var done []string
	for _, pattern := range cudaLibraries {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if slices.Contains(done, path) {
				continue
			}
			if err := dlopen(path); err != nil {
				return err
			}
			done = append(done, path)
		}
	}
	return nil
}

// dlopen loads a library for the life of the process.
func dlopen(path string) error {
	runtime.LockOSThread() // dlerror speaks of the calling thread
	defer runtime.UnlockOSThread()
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.dlopen(name, C.RTLD_LAZY|C.RTLD_GLOBAL) == nil {
		return fmt.Errorf("load %s: %s", filepath.Base(path), C.GoString(C.dlerror()))
	}
	return nil
}
