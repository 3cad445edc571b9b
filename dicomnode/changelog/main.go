// Command changelog folds the files of docs/changes into CHANGELOG.md as the section of
// a version, and removes them. With -out it writes the folded text to a file and changes
// nothing else; the date is then SOURCE_DATE_EPOCH, if set. It is no part of the program:
// "make changelog" and deploy/documents.sh call it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dicomnode/internal/changelog"
	"dicomnode/internal/durable"
)

func main() {
	out := flag.String("out", "", "write the folded changelog to this file only")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: changelog [-out FILE] VERSION")
		os.Exit(2)
	}
	var err error
	if *out != "" {
		err = preview(".", flag.Arg(0), *out)
	} else {
		err = fold(".", flag.Arg(0), time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "changelog:", err)
		os.Exit(1)
	}
}

// preview writes the changelog with the changes of the repository in the folder root.
func preview(root, version, out string) error {
	day, err := buildDate()
	if err != nil {
		return err
	}
	changes, old, err := read(root)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(out, 0o644, []byte(changelog.Preview(old, changes, version, day)))
}

// buildDate is SOURCE_DATE_EPOCH, the date of a reproducible build, else today.
func buildDate() (time.Time, error) {
	s := os.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// read returns the changes and the changelog of the repository in the folder root.
func read(root string) ([]changelog.Change, string, error) {
	changes, err := changelog.Read(filepath.Join(root, "docs", "changes"))
	if err != nil {
		return nil, "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	return changes, string(text), err
}

// fold changes the repository in the folder root. The files of changes are removed when the
// changelog has them.
func fold(root, version string, day time.Time) error {
	changes, old, err := read(root)
	if err != nil {
		return err
	}
	text, err := changelog.Fold(old, changes, version, day)
	if err != nil {
		return err
	}
	if err := durable.ReplaceBytes(filepath.Join(root, "CHANGELOG.md"), 0o644, []byte(text)); err != nil {
		return err
	}
	for _, c := range changes {
		if err := os.Remove(filepath.Join(root, "docs", "changes", c.Name)); err != nil {
			return err
		}
	}
	return nil
}
