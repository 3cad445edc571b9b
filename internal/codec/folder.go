package codec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Environment names the folder that holds the codec libraries.
const Environment = "DICOMNODE_CODECS"

// Folder finds the libraries' folder: explicit, else the environment variable
// DICOMNODE_CODECS, else .runtime/codecs of the working directory and its parents,
// else beside the executable. A folder that was asked for by name is not replaced by
// another. It returns "" when there is none.
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

// libraryFile is the path of a family's library in folder, "" if there is none.
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

// libraryState tells whether the libraries are those that were there before.
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
