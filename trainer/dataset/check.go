package dataset

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Report is what [Check] found in one folder.
type Report struct {
	Folder    string         `json:"folder"`
	Images    int            `json:"images"` // rows of the table without a problem of their own
	Patients  int            `json:"patients,omitempty"`
	Splits    map[string]int `json:"splits"`     // images by split, "" where none is chosen
	BodyParts map[string]int `json:"body_parts"` // images by body part
	// Classes are the shares of open beam, soft tissue and bone in all labelled
	// pixels, Ignored the share of 255 in all pixels.
	Classes  [Classes]float64 `json:"classes"`
	Ignored  float64          `json:"ignored"`
	Problems []Problem        `json:"problems"`
}

// Count is the number of problems of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, p := range r.Problems {
		if p.Severity == s {
			n++
		}
	}
	return n
}

// Check reads a whole folder, every picture included, and reports all that is
// wrong with it, in the order of the table, what concerns the whole folder last.
// The error is for what keeps Check from looking (no such folder, ctx ended).
// workers is the number of pictures read at a time (0: one per CPU); progress,
// which may be nil, is called after each picture, never concurrently.
func Check(ctx context.Context, dir string, workers int, progress func(done, total int)) (*Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir, root: root}
	defer f.Close()
	r := &Report{Folder: dir, Splits: map[string]int{}, BodyParts: map[string]int{}}
	t, err := f.checkTable()
	if err != nil {
		return nil, err
	}
	found, err := f.examineAll(ctx, t, workers, progress)
	if err != nil {
		return nil, err
	}
	r.Problems = append([]Problem{}, t.problems...)
	for _, e := range found {
		r.Problems = append(r.Problems, e.problems...)
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return a.Line - b.Line })
	r.summarise(f, found)
	r.Problems = append(r.Problems, f.checkFolder(r, found)...)
	for i := range r.Problems {
		if r.Problems[i].Severity == "" {
			r.Problems[i].Severity = Wrong
		}
	}
	return r, nil
}

// checkTable reads the table; a missing one is a problem of the folder.
func (f *Folder) checkTable() (*table, error) {
	file, err := f.root.Open(Table)
	if errors.Is(err, fs.ErrNotExist) {
		return &table{problems: []Problem{{What: "there is no " + Table,
			Hint: "a data set folder holds " + Table + " beside its pictures; \"dicomnode trainer dataset\" has importers that make one"}}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := readTable(file)
	f.Items, f.ExtraColumns = t.items, t.extra
	return t, nil
}

func (f *Folder) examineAll(ctx context.Context, t *table, workers int, progress func(done, total int)) ([]*examined, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	found := make([]*examined, len(t.items))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	tick := ticker(progress, len(t.items))
	for i, it := range t.items {
		group.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			found[i] = f.examine(it, t.lines[i])
			tick()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return found, ctx.Err()
}

func (r *Report) summarise(f *Folder, found []*examined) {
	r.Images = len(found)
	var pixels [256]int64
	patients := map[string]bool{}
	for _, e := range found {
		r.Splits[e.item.Split]++
		r.BodyParts[e.item.BodyPart]++
		if p := f.Extra(e.item, PatientColumn); p != "" {
			patients[p] = true
		}
		for v, n := range e.values {
			pixels[v] += n
		}
	}
	r.Patients = len(patients)
	labelled := pixels[OpenBeam] + pixels[SoftTissue] + pixels[Bone]
	for c := range r.Classes {
		r.Classes[c] = share(pixels[c], labelled)
	}
	r.Ignored = share(pixels[Ignore], labelled+pixels[Ignore])
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
