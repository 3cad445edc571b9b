package codec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Environment is the environment variable with the folder of the codec libraries.
const Environment = "DICOMNODE_CODECS"

// Folder finds the folder of the libraries: explicit, else the environment variable
// DICOMNODE_CODECS, else .runtime/codecs in the working directory or one of its parents, else
// beside the executable. If explicit or the variable is set, no other folder is tried. It
// returns "" if there is none.
func Folder(explicit string) string {
	for _, asked := range []string{explicit, os.Getenv(Environment)} {
		if asked != "" {
			return asked
		}
	}
	for _, dir := range folders() {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

func folders() (list []string) {
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			list = append(list, filepath.Join(dir, ".runtime", "codecs"))
		}
	}
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		dir := filepath.Dir(program)
		list = append(list, filepath.Join(dir, "codecs"), filepath.Join(dir, ".runtime", "codecs"), filepath.Join(filepath.Dir(dir), ".runtime", "codecs"))
	}
	return list
}

// libraryFile returns the path of a family's library in folder, "" if there is none.
func libraryFile(folder string, f Family) string {
	if folder == "" {
		return ""
	}
	for _, name := range libraries[f].files {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// libraryState identifies a set of library files, so that a change is detected.
type libraryState struct{ folder, files string }

func look(folder string) libraryState {
	var b strings.Builder
	for _, f := range Families {
		if info, err := os.Stat(libraryFile(folder, f)); err == nil {
			fmt.Fprintf(&b, "%d %d %d\n", f, info.Size(), info.ModTime().UnixNano())
		}
	}
	return libraryState{folder, b.String()}
}
