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

// Entry is an object of a source. Its name is for messages to the holder of the source and is
// never written to a set.
type Entry struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Source lists objects, always in the same order.
type Source interface {
	List(ctx context.Context) ([]Entry, error)
}

// Refuser is a Source that can count, by reason, objects that it does not list. It is called
// after List.
type Refuser interface {
	Refused() map[string]int
}

// Folders is a Source of files and of folders with all files below them.
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

// Filter selects objects by values of the originals; an empty field accepts all.
type Filter struct {
	From, To   string // Study Date (0008,0020), YYYYMMDD, both inclusive
	Modalities []string
	BodyParts  []string // Body Part Examined (0018,0015)
	Accessions []string // Accession Number (0008,0050)
	HasSEG     bool     // only images to which a segmentation of the same source refers
}

// Accepts reports whether an image with these attributes is selected. An empty date is accepted,
// because an index may not contain it.
func (f Filter) Accepts(studyDate, modality, bodyPart, accession string) bool {
	return f.on(studyDate) && has(f.Modalities, modality) && has(f.BodyParts, bodyPart) && has(f.Accessions, accession)
}

func (f Filter) on(date string) bool {
	return date == "" || (f.From == "" || date >= f.From) && (f.To == "" || date <= f.To)
}

func has(list []string, v string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(want string) bool { return strings.EqualFold(want, v) })
}
