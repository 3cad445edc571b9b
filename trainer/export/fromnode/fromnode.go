// Package fromnode exports from a node's archive: it lists the newest versions of received
// objects and results, and holds them, so that none expires while the export runs. It only
// reads.
package fromnode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/trainer/export"
)

// Source is an archive, opened while the node may be running. Close it after the export.
type Source struct {
	// Note, if set, is called with the objects that are about to leave the archive; if it
	// returns an error the export does not begin.
	Note func([]archive.Object) error

	archive *archive.Archive
	filter  export.Filter
	release func() error
}

// Open opens the archive in a folder. The parts of filter that the archive's index can answer
// save reading the objects.
func Open(ctx context.Context, dir string, filter export.Filter) (*Source, error) {
	a, err := archive.OpenShared(ctx, archive.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	return &Source{archive: a, filter: filter, release: func() error { return nil }}, nil
}

// List lists the objects and holds them.
func (s *Source) List(ctx context.Context) ([]export.Entry, error) {
	found, err := s.search(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(found))
	for i, o := range found {
		ids[i] = o.ID
	}
	release, err := s.archive.Hold(ids...)
	if err != nil {
		return nil, err
	}
	s.release = release
	if s.Note != nil {
		if err := s.Note(found); err != nil {
			return nil, err
		}
	}
	var entries []export.Entry
	for _, o := range found {
		now, err := s.archive.Object(ctx, o.ID)
		if errors.Is(err, archive.ErrNotFound) {
			continue // expired before it was held
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, export.Entry{Open: func() (io.ReadCloser, error) { return now.Open() }})
	}
	return entries, nil
}

// search returns the objects of the studies with an image that the filter accepts, as far as
// the index knows.
func (s *Source) search(ctx context.Context) ([]archive.Object, error) {
	all, err := s.archive.Search(ctx, index.Query{Newest: true}, math.MaxInt32)
	if err != nil {
		return nil, fmt.Errorf("list the archive: %w", err)
	}
	studies := map[string]bool{}
	for _, o := range all {
		if o.ParentID == 0 && s.filter.Accepts("", o.Modality, o.BodyPartExamined, o.AccessionNumber) {
			studies[o.StudyInstanceUID] = true
		}
	}
	all = slices.DeleteFunc(all, func(o archive.Object) bool { return !studies[o.StudyInstanceUID] || !o.SupersededAt.IsZero() })
	slices.SortFunc(all, func(a, b archive.Object) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Close releases the objects and closes the archive.
func (s *Source) Close() error { return errors.Join(s.release(), s.archive.Close()) }
