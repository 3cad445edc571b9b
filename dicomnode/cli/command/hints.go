package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"dicomnode/internal/hint"
	"dicomnode/internal/part10"
)

// hintOf is what to do about an error: the hint it has, or one by the kind of the error.
func hintOf(err error) string {
	if text := hint.Of(err); text != "" {
		return text
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.text(pathOf(err))
		}
	}
	return ""
}

// kinds are the errors of files that any verb may meet, the narrow ones first.
var kinds = []struct {
	err  error
	text func(path string) string
}{
	{syscall.ENOTDIR, func(string) string { return "a file stands where a folder is meant: correct the path" }},
	{syscall.EISDIR, func(string) string { return "name a file, not a folder" }},
	{syscall.ENOSPC, func(string) string { return "the disk is full: make room and call it again" }},
	{syscall.EROFS, func(string) string { return "the file system is read-only: choose another folder" }},
	{fs.ErrNotExist, missingPath},
	{fs.ErrPermission, func(string) string {
		return "call it as a user who may read and write there, such as the one the node runs as"
	}},
	{part10.ErrNotPart10, func(string) string { return "a DICOM file has the letters DICM at byte 128 (PS3.10 7.1)" }},
}

// pathOf is the path that an error of the file system names, or empty.
func pathOf(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Path
	}
	return ""
}

// missingPath says which part of a path is not there.
func missingPath(path string) string {
	if path == "" {
		return ""
	}
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); err == nil {
		return "see what is there with ls, and correct the name"
	}
	return fmt.Sprintf("there is no folder %s: make it, or correct the path", folder)
}
