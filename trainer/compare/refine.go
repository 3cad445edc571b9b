package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Answerer is a Segmenter whose answer Refine can bring to native resolution.
type Answerer interface {
	// Answer returns the probabilities of a picture's classes.
	Answer(ctx context.Context, p *dataset.Picture) (picture.Map, error)
}

// Refinement is a way of bringing an answer to the native resolution of an image, as a node does it
// in an image that is exposed everywhere.
type Refinement struct {
	Name   string                `json:"-"`                // added to that of the network
	Guided *picture.GuidedFilter `json:"guided,omitempty"` // nil: bilinear interpolation
	Island float64               `json:"minimum_island"`   // area below which islands are removed, as a fraction of the image; 0: none is
}

// Refinements are bilinear interpolation and, where guided is not nil, that filter, each
// with small islands removed, as a node always does, and with them.
func Refinements(guided *picture.GuidedFilter) []Refinement {
	const island = segment.DefaultMinimumIsland
	out := []Refinement{{"", nil, island}, {", islands kept", nil, 0}}
	if guided != nil {
		out = append(out, Refinement{", guided", guided, island}, Refinement{", guided, islands kept", guided, 0})
	}
	return out
}

func (r Refinement) config() segment.Config {
	c := segment.Config{Guided: r.Guided, MinimumIsland: r.Island}
	if r.Island == 0 {
		c.MinimumIsland = -1 // its 0 stands for the default
	}
	return c
}

// Refine scores each network of entries with each refinement on the items of a folder
// that data chooses, at native resolution; the first of both is what all is held
// against. One image is in memory at a time, and all networks are open at once.
func Refine(ctx context.Context, folder string, data evaluate.Options, entries []Entry, ways []Refinement, opt Options) (report *Report, err error) {
	opt.complete()
	f, err := dataset.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	items, excluded, err := evaluate.Choose(f, data)
	if err != nil {
		return nil, err
	}
	r := refining{comparison: comparison{opt: opt, all: len(items)}, ways: ways}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(entries); err != nil {
		return nil, err
	}
	for _, it := range items {
		if err := r.item(ctx, f, it); err != nil {
			return nil, fmt.Errorf("refine %s: %w", it.ID, err)
		}
		r.done++
		opt.Progress(r.done, r.all)
	}
	if len(r.samples) == 0 {
		return nil, evaluate.ErrEmpty
	}
	report = r.report()
	report.Native, report.Folder, report.Excluded = true, folder, excluded
	return report, nil
}

// refining is a comparison image by image.
type refining struct {
	comparison
	ways     []Refinement
	networks []Answerer
	closers  []io.Closer
}

// open prepares a run for each network and refinement.
func (r *refining) open(entries []Entry) error {
	for _, e := range entries {
		s, err := e.Open()
		if err != nil {
			return fmt.Errorf("refine %s: %w", e.Name, err)
		}
		if c, ok := s.(io.Closer); ok {
			r.closers = append(r.closers, c)
		}
		a, ok := s.(Answerer)
		if !ok {
			return fmt.Errorf("refine %s: no network", e.Name)
		}
		r.networks = append(r.networks, a)
		for _, w := range r.ways {
			id := e.Identity
			id.Name, id.Parameters = e.Name+w.Name, w
			r.runs = append(r.runs, run{Identity: id})
		}
	}
	if len(r.runs) == 0 {
		return errors.New("nothing to refine")
	}
	return nil
}

func (r *refining) close() (err error) {
	for _, c := range r.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

// item scores one image with every network and refinement.
func (r *refining) item(ctx context.Context, f *dataset.Folder, it dataset.Item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := f.Load(it)
	if err != nil || !labelled(p.Label) {
		return err
	}
	r.samples = append(r.samples, &dataset.Sample{Item: it})
	var first []uint8
	for n, network := range r.networks {
		answer, err := network.Answer(ctx, p)
		if err != nil {
			return err
		}
		for w, way := range r.ways {
			run := &r.runs[n*len(r.ways)+w]
			start := r.opt.Clock()
			classes := way.config().Label(answer, p.Pix)
			run.seconds = append(run.seconds, (r.opt.Clock() - start).Seconds())
			if first == nil {
				first = classes
			}
			run.native(p, first, classes)
		}
	}
	return nil
}

// native scores classes of every pixel of p.
func (r *run) native(p *dataset.Picture, first, classes []uint8) {
	var confusion evaluate.Confusion
	for i, truth := range p.Label {
		if truth != dataset.Ignore {
			confusion[truth][classes[i]]++
		}
	}
	r.confusion = append(r.confusion, confusion)
	r.pixels.add(p.Label, first, classes)
	b := evaluate.BoundariesOf(p.Label, classes, p.Rows, p.Cols, 0)
	var d distances
	for k := range d {
		d[k] = float64(b[k].Mean) * Side / float64(max(p.Rows, p.Cols))
	}
	r.distances = append(r.distances, d)
}

// distances are those of an image's boundaries in pixels of the network, not a number
// where the image or the prediction has none.
type distances [dataset.Classes]float64

// meanDistances is the mean over images.
func meanDistances(d []distances) []evaluate.Value {
	out := make([]evaluate.Value, dataset.Classes)
	for k := range out {
		var sum, n float64
		for _, v := range d {
			if !math.IsNaN(v[k]) {
				sum, n = sum+v[k], n+1
			}
		}
		out[k] = evaluate.Value(sum / n) // not a number without an image
	}
	return out
}

// nearer is the mean difference of b's distances to a's, over the images drawn that have
// both; nothing where no distances were measured.
func nearer(a, b []distances, draw []int) []float64 {
	if a == nil || b == nil {
		return nil
	}
	out := make([]float64, dataset.Classes)
	for k := range out {
		n := 0.0
		for _, i := range draw {
			if d := b[i][k] - a[i][k]; !math.IsNaN(d) {
				out[k], n = out[k]+d, n+1
			}
		}
		out[k] /= n
	}
	return out
}

// writeBoundaries writes what only Refine measures.
func (r *Report) writeBoundaries(w io.Writer) {
	if !r.Native {
		return
	}
	t := newTable(w)
	fmt.Fprintf(t, "boundary distance\topen beam\t%.0[1]f %%\tsoft tissue\t%.0[1]f %%\tbone\t%.0[1]f %%\t\n", 100*r.Confidence)
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t", row.Name)
		for _, v := range row.Boundary {
			fmt.Fprintf(t, "%.3f\t\t", float64(v))
		}
		fmt.Fprintln(t)
		if row.Difference == nil || !slices.ContainsFunc(row.Difference.Boundary, func(i *Interval) bool { return i != nil }) {
			continue
		}
		fmt.Fprintf(t, "against %s\t", r.Rows[0].Name)
		for _, i := range row.Difference.Boundary {
			fmt.Fprintf(t, "%s\t", i)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t)
	_ = t.Flush() // into a strings.Builder
}
