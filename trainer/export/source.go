package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is an object of a source. Its name is for messages to the holder of the
// source and never part of a set.
type Entry struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Source lists objects. The same objects must come in the same order.
type Source interface {
	List(ctx context.Context) ([]Entry, error)
}

// Refuser is a Source that knows of objects that it does not list: how many, by the
// reason. It is asked after List.
type Refuser interface {
	Refused() map[string]int
}

// Folders are files, and folders with everything below them.
type Folders []string

// List lists the regular files in lexical order.
func (f Folders) List(ctx context.Context) ([]Entry, error) {
	var paths []string
	for _, root := range f {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				paths = append(paths, path)
			}
			return errors.Join(err, ctx.Err())
		})
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
	}
	slices.Sort(paths)
	entries := make([]Entry, 0, len(paths))
	for _, p := range slices.Compact(paths) {
		entries = append(entries, Entry{Name: p, Open: func() (io.ReadCloser, error) { return os.Open(p) }})
	}
	return entries, nil
}

// Filter chooses objects by values of the originals; an empty field lets all
// through.
type Filter struct {
	From, To   string // Study Date (0008,0020), YYYYMMDD, both inclusive
	Modalities []string
	BodyParts  []string // Body Part Examined (0018,0015)
	Accessions []string // Accession Number (0008,0050)
	HasSEG     bool     // images that a segmentation of the same source refers to
}

// Lets tells whether an image passes by these attributes. An empty date is not
// asked for: an index may not know it.
func (f Filter) Lets(studyDate, modality, bodyPart, accession string) bool {
	return f.on(studyDate) && has(f.Modalities, modality) && has(f.BodyParts, bodyPart) && has(f.Accessions, accession)
}

func (f Filter) on(date string) bool {
	return date == "" || (f.From == "" || date >= f.From) && (f.To == "" || date <= f.To)
}

func has(list []string, v string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(want string) bool { return strings.EqualFold(want, v) })
}
