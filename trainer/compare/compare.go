// Package compare scores several segmentations on one labelled data set folder and
// says how far apart they are: networks ([Network]) beside methods that learn
// nothing ([Classical]). All of it is measured at the network's 200×200 pixels,
// with the pixels of all images pooled as in package evaluate; pixels labelled 255
// and padding are left out.
//
// Every entry is compared with the first one: the differences of accuracy and of
// weighted F1 with a bootstrap interval over images, a sign test over images, and
// McNemar's test over pixels. Only the first two take into account that the pixels
// of one image are not independent of each other.
package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Side is the height and width of what is compared, in pixels.
const Side = dataset.Side

// Segmenter divides a sample into open beam, soft tissue and bone.
type Segmenter interface {
	// Segment returns Side×Side classes 0, 1 and 2, anything in the padding.
	Segment(ctx context.Context, s *dataset.Sample) ([]uint8, error)
}

// Preparer is a Segmenter with work before Segment that the node does for every image,
// such as the search for the exposed field: it does not count as time of the method.
type Preparer interface {
	Prepare(ctx context.Context, s *dataset.Sample) error
}

// Entry is a model or method to compare. Open is called once, when its turn comes; a Segmenter
// that is an io.Closer is closed afterwards.
type Entry struct {
	Identity
	Open func() (Segmenter, error)
}

// Identity describes an entry.
type Identity struct {
	Name       string `json:"name"`                 // of the table's row
	Kind       string `json:"kind"`                 // KindNetwork, KindClassical or KindTuned
	Method     string `json:"method,omitempty"`     // classical.Method.Name of what is no network
	Model      *Model `json:"model,omitempty"`      // of a network
	Parameters any    `json:"parameters,omitempty"` // of a classical method
}

// The kinds of entries.
const (
	KindNetwork   = "network"
	KindClassical = "classical"
	KindTuned     = "classical, tuned per image" // on the label that it is scored with
)

// Model identifies the network's bundle.
type Model struct {
	Bundle  string `json:"bundle"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Device  string `json:"device"`

	Effort scales.Effort `json:"effort,omitempty"` // with which it is asked
}

// Options govern a comparison.
type Options struct {
	Seed      uint64               // of the bootstrap
	Resamples int                  // of the bootstrap; 0: 2000
	Keep      int                  // images whose classes are kept in Report.Pictures, from the first
	Progress  func(done, all int)  // after each image of each entry; may be nil
	Clock     func() time.Duration // monotonic; nil: the system's
}

// defaultResamples makes the ends of a 95 % interval steady to about a tenth of
// its width.
const defaultResamples = 2000

func (o *Options) complete() {
	if o.Resamples <= 0 {
		o.Resamples = defaultResamples
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() time.Duration { return time.Since(start) }
	}
}

// Run segments every sample with every entry, one after the other. Samples without
// a labelled pixel are passed over; evaluate.ErrEmpty is returned when none is left.
func Run(ctx context.Context, samples []*dataset.Sample, entries []Entry, opt Options) (*Report, error) {
	opt.complete()
	samples = slices.DeleteFunc(slices.Clone(samples), func(s *dataset.Sample) bool { return !labelled(s.Label) })
	if len(samples) == 0 {
		return nil, evaluate.ErrEmpty
	}
	if len(entries) == 0 {
		return nil, errors.New("nothing to compare")
	}
	c := comparison{samples: samples, opt: opt, all: len(samples) * len(entries)}
	for _, e := range entries {
		if err := c.add(ctx, e); err != nil {
			return nil, fmt.Errorf("compare %s: %w", e.Name, err)
		}
	}
	return c.report(), nil
}

func labelled(label []uint8) bool {
	return slices.ContainsFunc(label, func(v uint8) bool { return v != dataset.Ignore })
}

// comparison is what Run has found so far.
type comparison struct {
	samples   []*dataset.Sample
	opt       Options
	done, all int
	first     [][]uint8 // the first entry's classes, per sample
	runs      []run
}

// run is what one entry did.
type run struct {
	Identity
	confusion []evaluate.Confusion // per sample
	seconds   []float64            // per sample
	pixels    discordant           // against the first entry
	kept      [][]uint8            // classes of the first Options.Keep samples
	distances []distances          // of boundaries, per sample; none at 200×200
}

func (c *comparison) add(ctx context.Context, e Entry) (err error) {
	s, err := e.Open()
	if err != nil {
		return err
	}
	if closer, ok := s.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	r := run{Identity: e.Identity}
	for i, sample := range c.samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.segment(ctx, s, &r, i); err != nil {
			return fmt.Errorf("segment %s: %w", sample.Item.ID, err)
		}
		c.done++
		c.opt.Progress(c.done, c.all)
	}
	c.runs = append(c.runs, r)
	return nil
}

// segment prepares, times and scores sample i.
func (c *comparison) segment(ctx context.Context, s Segmenter, r *run, i int) error {
	if p, ok := s.(Preparer); ok {
		if err := p.Prepare(ctx, c.samples[i]); err != nil {
			return err
		}
	}
	start := c.opt.Clock()
	classes, err := s.Segment(ctx, c.samples[i])
	r.seconds = append(r.seconds, (c.opt.Clock() - start).Seconds())
	if err != nil {
		return err
	}
	return c.score(r, i, classes)
}

// score adds the predicted classes of sample i to the confusion matrix.
func (c *comparison) score(r *run, i int, classes []uint8) error {
	label := c.samples[i].Label
	if len(classes) != len(label) {
		return fmt.Errorf("%d classes, want %d", len(classes), len(label))
	}
	var confusion evaluate.Confusion
	for p, truth := range label {
		if truth == dataset.Ignore {
			continue
		}
		if classes[p] >= dataset.Classes {
			return fmt.Errorf("class %d at pixel %d", classes[p], p)
		}
		confusion[truth][classes[p]]++
	}
	r.confusion = append(r.confusion, confusion)
	if len(c.runs) == 0 {
		c.first = append(c.first, classes)
	}
	r.pixels.add(label, c.first[i], classes)
	if i < c.opt.Keep {
		r.kept = append(r.kept, classes)
	}
	return nil
}
