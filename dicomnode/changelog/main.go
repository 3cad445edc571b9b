// Command changelog folds the files of docs/changes into CHANGELOG.md as the section of
// a version, and removes them. It is no part of the program; "make changelog" calls it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dicomnode/internal/changelog"
	"dicomnode/internal/durable"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: changelog VERSION")
		os.Exit(2)
	}
	if err := fold(".", os.Args[1], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "changelog:", err)
		os.Exit(1)
	}
}

// fold changes the repository in the folder root. The files of changes go when the
// changelog has them.
func fold(root, version string, day time.Time) error {
	folder, file := filepath.Join(root, "docs", "changes"), filepath.Join(root, "CHANGELOG.md")
	changes, err := changelog.Read(folder)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := changelog.Fold(string(old), changes, version, day)
	if err != nil {
		return err
	}
	if err := durable.ReplaceBytes(file, 0o644, []byte(text)); err != nil {
		return err
	}
	for _, c := range changes {
		if err := os.Remove(filepath.Join(folder, c.Name)); err != nil {
			return err
		}
	}
	return nil
}
