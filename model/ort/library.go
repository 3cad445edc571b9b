package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Version is the release of ONNX Runtime whose C API the Go binding is built
// against; `make runtime` fetches it.
const Version = "1.27.0"

// Environment names the library, or the folder that holds it.
const Environment = "DICOMNODE_ORT_LIB"

// ErrNoLibrary means that no ONNX Runtime library was found.
var ErrNoLibrary = errors.New("no ONNX Runtime library")

// Library finds the ONNX Runtime shared library: explicit (a file or a folder),
// else the environment variable DICOMNODE_ORT_LIB, else .runtime/gpu and
// .runtime of the working directory and its parents, else beside the
// executable, else the system's library folders. A library that was asked for
// by name and is not there is an error: another one is never taken instead.
// tried lists the places looked at, in order. The error wraps ErrNoLibrary and
// says what to run and, in short, where it looked.
func Library(explicit string) (path string, tried []string, err error) {
	for _, asked := range []string{explicit, os.Getenv(Environment)} {
		if asked == "" {
			continue
		}
		if path, tried = firstFile(named(asked)); path == "" {
			return "", tried, notFound(tried)
		}
		return path, tried, nil
	}
	if path, tried = firstFile(places()); path == "" {
		return "", tried, notFound(tried)
	}
	return path, tried, nil
}

// named is what an explicit path may mean: the file itself, or a folder.
func named(asked string) []string {
	if info, err := os.Stat(asked); err == nil && info.IsDir() {
		return in(asked)
	}
	return []string{asked}
}

// places are the paths tried when nothing was asked for.
func places() []string {
	var list []string
	if dir, err := os.Getwd(); err == nil {
		for {
			list = append(list, runtimeFolder(dir)...)
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		list = append(list, in(dir)...)
		list = append(list, runtimeFolder(dir)...)
		list = append(list, runtimeFolder(filepath.Dir(dir))...)
	}
	for _, dir := range systemFolders() {
		list = append(list, in(dir)...)
	}
	return list
}

// runtimeFolder is where `make runtime` and `make runtime-gpu` put the library.
func runtimeFolder(dir string) []string {
	return append(in(filepath.Join(dir, ".runtime", "gpu")), in(filepath.Join(dir, ".runtime"))...)
}

// in lists the library's file names in a folder, the pinned release first.
func in(dir string) []string {
	var list []string
	for _, name := range fileNames(runtime.GOOS) {
		list = append(list, filepath.Join(dir, name))
	}
	return list
}

func fileNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime." + Version + ".dylib", "libonnxruntime.dylib"}
	default:
		return []string{"libonnxruntime.so." + Version, "libonnxruntime.so.1", "libonnxruntime.so"}
	}
}

// systemFolders are those the dynamic loader of a common Linux would search.
func systemFolders() []string {
	if runtime.GOOS == "windows" {
		return filepath.SplitList(os.Getenv("PATH"))
	}
	multiarch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	list := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	list = append(list, "/usr/local/lib", "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib")
	if multiarch != "" {
		list = append(list, filepath.Join("/usr/lib", multiarch))
	}
	return list
}

// firstFile returns the first path that is a file, and all it looked at.
func firstFile(paths []string) (found string, tried []string) {
	for _, p := range paths {
		tried = append(tried, p)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p, tried
		}
	}
	return "", tried
}

func notFound(tried []string) error {
	return fmt.Errorf("%w: run `make runtime` to fetch release %s, or set %s to a library or its folder; looked %s",
		ErrNoLibrary, Version, Environment, where(tried))
}

// where tells what was tried in a few words: the path or the folder asked for by name,
// else the first and the last of many folders.
func where(tried []string) string {
	if len(tried) == 1 {
		return "for " + tried[0]
	}
	var list []string
	for _, p := range tried {
		if dir := filepath.Dir(p); !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	if len(list) == 1 {
		return "in " + list[0]
	}
	return fmt.Sprintf("in %d folders from %s to %s", len(list), list[0], list[len(list)-1])
}
