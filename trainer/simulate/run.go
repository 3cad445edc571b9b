// Package simulate writes labelled radiographs: data set folders that trainer/dataset reads,
// and DX files (PS3.3 A.26). An Anatomy selects the subjects. Packages body and ct make views
// of them (package view), and package radiograph makes pictures of the views with the physics
// of package xray. The simulation does not trace single photons and shows no pathology.
package simulate

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/durable"
	"dicomnode/internal/option"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// Options says what to simulate.
type Options struct {
	Anatomy *Anatomy // nil: the built-in phantom
	First   int      // index of the first sample
	Count   int      // samples First … First+Count−1
	Seed    uint64
	Size    int    // longer side in pixels, 64 to 1024; 0 = 256
	Out     string // data set folder
	Workers int    // 0 = number of CPUs
	// Presentation also writes each picture as DX For Presentation, dicom/ID.dcm.
	Presentation bool
	// Field also writes the exposed field of each picture, fields/ID.png, and the column with
	// its name.
	Field bool
}

// samplesPerView is how many samples share one posed body and camera.
const samplesPerView = 4

// Views returns how many posed bodies the first count samples show.
func Views(count int) int { return (count + samplesPerView - 1) / samplesPerView }

// ErrOptions says that a value is out of the range documented for Options or DXOptions.
var ErrOptions = errors.New("invalid simulation options")

func (o *Options) complete() error {
	if o.Size == 0 {
		o.Size = 256
	}
	if o.Anatomy == nil {
		o.Anatomy = NewAnatomy(body.Phantom())
	}
	if o.Workers <= 0 {
		o.Workers = runtime.NumCPU()
	}
	switch {
	case o.Count < 1:
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("count", "%d: want at least 1", o.Count))
	case o.Size < 64 || o.Size > 1024:
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("size", "%d: want 64 to 1024", o.Size))
	case o.First < 0 || o.Out == "":
		return fmt.Errorf("%w: first %d, out %q", ErrOptions, o.First, o.Out)
	}
	return nil
}

// Run writes or completes a data set folder: images/, labels/ and dataset.csv. Sample i depends
// only on Anatomy, Seed, Size and i. Existing files are kept, so an interrupted run continues
// when it is started again. progress (may be nil) is called after each view, never
// concurrently. If the folder contains other pictures, Run returns [ErrOther].
func Run(ctx context.Context, o Options, progress func(done, total int)) error {
	if err := o.complete(); err != nil {
		return err
	}
	before, err := o.rowsThere()
	if err != nil {
		return err
	}
	folders := []string{"images", "labels"}
	if o.Presentation {
		folders = append(folders, dicomFolder)
	}
	if o.Field {
		folders = append(folders, "fields")
	}
	for _, d := range folders {
		if err := os.MkdirAll(filepath.Join(o.Out, d), 0o755); err != nil {
			return err
		}
	}
	if err := o.sign(); err != nil {
		return err
	}
	parts, err := runViews(ctx, o, progress)
	if err != nil {
		return err
	}
	return writeIndex(o, parts, before)
}

func runViews(ctx context.Context, o Options, progress func(done, total int)) (map[int]string, error) {
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(o.Workers)
	parts := map[int]string{}
	var mu sync.Mutex
	var done atomic.Int64
	last := o.First + o.Count - 1
	for v := o.First / samplesPerView; v <= last/samplesPerView && inner.Err() == nil; v++ {
		g.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			lo, hi := max(o.First, v*samplesPerView), min(last, v*samplesPerView+samplesPerView-1)
			part, err := runView(o, v, lo, hi)
			mu.Lock()
			defer mu.Unlock()
			parts[v] = part
			if n := done.Add(int64(hi - lo + 1)); progress != nil {
				progress(int(n), o.Count)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return parts, ctx.Err()
}

// runView writes the samples lo…hi of view v and returns their body part.
func runView(o Options, v, lo, hi int) (string, error) {
	d, subject := random.New(o.Seed, 1, v), o.Anatomy.subject(o.Seed, v)
	missing := false
	for i := lo; i <= hi; i++ {
		missing = missing || !o.done(i)
	}
	if !missing {
		return subject.Part(d), nil
	}
	w := subject.View(d, view.MapSize)
	for i := lo; i <= hi; i++ {
		if o.done(i) {
			continue
		}
		if err := o.write(i, w, radiograph.New(w, random.New(o.Seed, 2, i), o.Size)); err != nil {
			return "", err
		}
	}
	return w.Part, nil
}

// done reports whether all files of sample i exist.
func (o Options) done(i int) bool {
	return exists(o.imagePath(i)) && exists(o.labelPath(i)) &&
		(!o.Field || exists(o.fieldPath(i))) && (!o.Presentation || exists(o.presentationPath(i)))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (o Options) id(i int) string        { return fmt.Sprintf("sim-%d-%06d", o.Seed, i) }
func (o Options) imagePath(i int) string { return filepath.Join(o.Out, "images", o.id(i)+".png") }
func (o Options) labelPath(i int) string { return filepath.Join(o.Out, "labels", o.id(i)+".png") }
func (o Options) fieldPath(i int) string { return filepath.Join(o.Out, "fields", o.id(i)+".png") }

func (o Options) write(i int, v view.View, s *radiograph.Sheet) error {
	if err := writePNG(o.labelPath(i), s.Labels(), 0); err != nil {
		return err
	}
	if o.Field {
		if err := writePNG(o.fieldPath(i), s.Field(), 0); err != nil {
			return err
		}
	}
	picture := s.Picture()
	if o.polarity(i) == dataset.AirDark {
		invert(picture)
	}
	if err := writePNG(o.imagePath(i), picture, s.Placed.Mm); err != nil || !o.Presentation {
		return err
	}
	return o.writePresentation(i, v, s, picture)
}

// polarity returns the polarity of sample i; each of the two has half of the samples.
func (o Options) polarity(i int) string {
	if random.New(o.Seed, 5, i).Chance(.5) {
		return dataset.AirDark
	}
	return dataset.AirBright
}

// splitOf returns the split of view v: five per cent of the views, with all their samples, are
// for validation.
func splitOf(seed uint64, v int) string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d/%d/split", seed, v)
	if h.Sum32()/7%20 == 0 {
		return "val"
	}
	return "train"
}

// writeIndex writes the table. Existing rows keep their split and difficulty, which people may
// have edited.
func writeIndex(o Options, parts map[int]string, before map[string]dataset.Item) error {
	return durable.Whole(filepath.Join(o.Out, "dataset.csv"), 0o644, func(out io.Writer) error {
		w := csv.NewWriter(out)
		header := append(slices.Clone(dataset.Columns), dataset.SpacingColumn, dataset.PatientColumn)
		if o.Field {
			header = append(header, dataset.FieldColumn)
		}
		w.Write(header)
		for i := range o.First + o.Count {
			v := i / samplesPerView
			part, ok := parts[v]
			if !ok {
				part = o.Anatomy.subject(o.Seed, v).Part(random.New(o.Seed, 1, v))
			}
			if i < o.First && !(exists(o.imagePath(i)) && exists(o.labelPath(i)) && (!o.Field || exists(o.fieldPath(i)))) {
				continue
			}
			mm, err := spacingOf(o.imagePath(i))
			if err != nil {
				return err
			}
			id := o.id(i)
			split, difficult := splitOf(o.Seed, v), 0
			if row, was := before[id]; was {
				split = row.Split
				if row.Difficult {
					difficult = 1
				}
			}
			row := []string{id, "images/" + id + ".png", "labels/" + id + ".png", part, o.polarity(i), split, strconv.Itoa(difficult), "simulated", mm, o.patient(v)}
			if o.Field {
				row = append(row, "fields/"+id+".png")
			}
			w.Write(row)
		}
		w.Flush()
		return w.Error()
	})
}
