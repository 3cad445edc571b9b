// Package importer makes data set folders out of labelled images of other
// programs: label pictures painted in colours (GIMP and the like, [Painted]), and
// radiographs with DICOM Segmentations (PS3.3 A.51, [Segmented]), such as this
// node writes. It writes a whole folder or none. Names and identifiers of patients
// never reach the folder: see [Key]. Names burned into the pixels do, unless the
// image says that it has them (Burned In Annotation (0028,0301)); look at what you
// import. It reads no GIMP file (.xcf) and no RT Structure Set.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dicomnode/trainer/dataset"
)

// Result is the account of an import.
type Result struct {
	Images   int       `json:"images"`
	Problems []Problem `json:"problems"` // when there is one, nothing was written
	Notes    []Problem `json:"notes"`    // what was left out or guessed
}

// Problem is about one file.
type Problem struct {
	File string `json:"file"`
	What string `json:"what"`
	Hint string `json:"hint,omitempty"`
}

// Error is the problem in one line, without the hint.
func (p Problem) Error() string { return p.File + ": " + p.What }

// ErrProblems means that nothing was written; Result has the reasons.
var ErrProblems = errors.New("nothing was imported")

// ErrNotEmpty means that the output folder is not empty.
var ErrNotEmpty = errors.New("is not empty")

// ErrNoPicture is a folder of [Painted] without any picture.
var ErrNoPicture = errors.New("no picture")

// ErrNoSegmentation is an input of [Segmented] without any DICOM segmentation.
var ErrNoSegmentation = errors.New("no DICOM segmentation")

// report collects what concurrent workers find.
type report struct {
	mu     sync.Mutex
	result Result
}

func (r *report) problem(file, what, hint string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Problems = append(r.result.Problems, Problem{file, what, hint})
}

func (r *report) note(file, what, hint string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Notes = append(r.result.Notes, Problem{file, what, hint})
}

// finish puts what was found in order.
func (r *report) finish() *Result {
	byFile := func(a, b Problem) int { return strings.Compare(a.File+"\x00"+a.What, b.File+"\x00"+b.What) }
	slices.SortFunc(r.result.Problems, byFile)
	slices.SortFunc(r.result.Notes, byFile)
	if r.result.Problems == nil {
		r.result.Problems = []Problem{}
	}
	if r.result.Notes == nil {
		r.result.Notes = []Problem{}
	}
	return &r.result
}

// stage lets fill write a folder beside out and puts it in out's place when fill
// has no error and report no problem; else nothing stays.
func stage(out string, r *report, columns []string, fill func(w *dataset.Writer) error) error {
	if entries, err := os.ReadDir(out); len(entries) > 0 {
		return fmt.Errorf("make data set folder: %s %w", out, ErrNotEmpty)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out = filepath.Clean(out)
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), ".import-*")
	if err != nil {
		return err
	}
	w, err := dataset.Create(tmp, columns...)
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	if err := fill(w); err != nil {
		return errors.Join(err, w.Abandon(), os.RemoveAll(tmp))
	}
	if len(r.result.Problems) > 0 {
		return errors.Join(ErrProblems, w.Abandon(), os.RemoveAll(tmp))
	}
	if err := errors.Join(w.Close(), os.Chmod(tmp, 0o755)); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return os.Rename(tmp, out)
}

// each calls do for every index below n, workers at a time (0: one per CPU).
func each(ctx context.Context, n, workers int, progress func(done, total int), do func(i int) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	var mu sync.Mutex
	done := 0
	for i := range n {
		group.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			err := do(i)
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, n)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
