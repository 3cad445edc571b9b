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
	"sync"

	"golang.org/x/sync/errgroup"

	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Check searches every file of a folder, written by any program, for the values of originals.
// retain are the options under which values may stay. It returns the hits by file, and the
// number of originals read.
func Check(ctx context.Context, dir string, originals Source, retain []profile.Option) (hits []leak.Hit, read int, err error) {
	var key deidentify.Key // its pseudonyms are not used
	d, err := deidentify.New(deidentify.Options{Key: key, Retain: retain})
	if err != nil {
		return nil, 0, fmt.Errorf("check: %w", err)
	}
	e := &run{Options: Options{Source: originals}, deidentifier: d, report: Report{Refused: map[string]int{}}}
	entries, err := originals.List(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("check: %w", err)
	}
	for _, entry := range entries {
		if err := e.gather(entry); err != nil {
			return nil, 0, fmt.Errorf("check: %w", err)
		}
	}
	if len(e.items) == 0 {
		return nil, 0, errors.New("check: no original that can be read")
	}
	for _, dates := range e.dates.values { // the patient of a file is not known here
		e.originals.Add(dates)
	}
	if err := e.ownOf(dir); err != nil {
		return nil, 0, fmt.Errorf("check: %w", err)
	}
	hits, err = checkFiles(ctx, dir, e.originals.Checker())
	return hits, len(e.items), err
}

// gather collects the values of an original, including those after its pixels.
func (e *run) gather(entry Entry) error {
	r, err := entry.Open()
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(r, object.MaxFile+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	o, err := object.Parse(b)
	if err != nil {
		return nil // not a DICOM object
	}
	res, err := e.deidentifier.Object(o)
	if err != nil {
		return nil // its SOP class is not exported
	}
	e.take(entry, o, res)
	return nil
}

// ownOf collects the tokens that the manifest of a set lists as made by the export.
func (e *run) ownOf(dir string) error {
	all, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	for _, r := range all {
		e.own(r.ID, r.Patient, r.Study, r.Series, r.Instance, r.Project)
		for _, sum := range r.Files {
			e.own(sum)
		}
	}
	return nil
}

func checkFiles(ctx context.Context, dir string, c *leak.Checker) ([]leak.Hit, error) {
	var mu sync.Mutex
	var hits []leak.Hit
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(2)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		work.Go(func() error {
			b, err := os.ReadFile(path)
			if err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			found := c.File(filepath.ToSlash(rel), b)
			mu.Lock()
			defer mu.Unlock()
			hits = append(hits, found...)
			return nil
		})
		return nil
	})
	if err = errors.Join(err, work.Wait()); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	slices.SortFunc(hits, func(a, b leak.Hit) int { return strings.Compare(a.String(), b.String()) })
	return hits, nil
}
