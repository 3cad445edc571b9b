// Package augment makes more training pictures out of few, as the XNet paper does
// (Bullock, Cuesta-Lázaro, Quera-Bofarull, 2019, section 3.2): elastic
// deformation, translation, rotation, shear and crop, besides flips and intensity,
// until each body part has the same number of pictures. It writes a data set
// folder; package fit varies pictures on the fly and needs none. Picture and label
// are read through one map, so they agree. It augments what is in the training
// split and never what validates or tests.
package augment

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/option"
	"dicomnode/trainer/dataset"
)

// Options say what to make.
type Options struct {
	Out         string
	PerBodyPart int // pictures of each body part, originals among them
	Size        int // longer side of the pictures, 32 to 4096 pixels
	Seed        uint64
	Splits      []string // splits to take images from; none: Train
	Exclude     []string // patterns of ids to leave out, those of [path.Match]
	Workers     int      // 0: one per CPU; changes nothing but the speed
	Variation   Variation
}

// ErrOptions is an option out of range.
var ErrOptions = errors.New("invalid options")

// ErrEmpty is a data set without an image to augment.
var ErrEmpty = errors.New("no image to augment")

// Result is the account of a run.
type Result struct {
	Images int    `json:"images"`
	Kept   int    `json:"kept"` // of them made by an interrupted run before
	Parts  []Part `json:"body_parts"`
}

// Part counts a body part.
type Part struct {
	Name    string `json:"name"`
	Origins int    `json:"origins"` // images in the source
	Images  int    `json:"images"`  // pictures made
}

func (o *Options) complete() error {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if len(o.Splits) == 0 {
		o.Splits = []string{dataset.Train}
	}
	if o.PerBodyPart < 1 || o.PerBodyPart > 1_000_000 {
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("per-body-part", "%d: want 1 to 1000000", o.PerBodyPart))
	}
	if o.Size < 32 || o.Size > 4096 {
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("size", "%d: want 32 to 4096", o.Size))
	}
	return o.Variation.check()
}

// Run writes or completes the folder opt.Out. Every picture depends on its origin,
// the seed, the size and the variation only; a run that was interrupted goes on when
// it is started again with the same data and options, and one with others is
// refused with [ErrOther]. progress, which may be nil, is called after each
// picture, never concurrently.
func Run(ctx context.Context, f *dataset.Folder, opt Options, progress func(done, total int)) (*Result, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	items, err := dataset.Select(f.Items, opt.Splits, opt.Exclude)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, ErrEmpty
	}
	p := newPlan(f, items, opt)
	w, err := p.open(opt)
	if err != nil || w == nil {
		return p.result(len(p.copies)), err
	}
	kept, err := p.write(ctx, f, w, opt, progress)
	if err != nil {
		return nil, errors.Join(err, w.Abandon())
	}
	return p.result(kept), w.Close()
}

// chunk is how many copies of one origin a worker makes at a time.
const chunk = 16

// write makes what is missing and returns how many pictures were there.
func (p *plan) write(ctx context.Context, f *dataset.Folder, w *dataset.Writer, opt Options, progress func(done, total int)) (kept int, err error) {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(opt.Workers)
	var mu sync.Mutex
	done := 0
	tick := func(had bool) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if had {
			kept++
		}
		if progress != nil {
			progress(done, len(p.copies))
		}
	}
	for first := 0; first < len(p.copies); {
		last := first + 1
		for last < len(p.copies) && last < first+chunk && p.copies[last].origin.ID == p.copies[first].origin.ID {
			last++
		}
		part := p.copies[first:last]
		group.Go(func() error { return makeCopies(inner, f, w, part, opt, tick) })
		first = last
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return kept, ctx.Err()
}

// makeCopies makes copies of one origin.
func makeCopies(ctx context.Context, f *dataset.Folder, w *dataset.Writer, copies []copyOf, opt Options, tick func(had bool)) error {
	var source *dataset.Picture
	for _, c := range copies {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.Has(c.item.ID) {
			if err := w.Keep(c.item); err != nil {
				return err
			}
			tick(true)
			continue
		}
		if source == nil {
			var err error
			if source, err = f.Load(c.origin); err != nil {
				return err
			}
		}
		img, label := c.make(source, opt)
		if err := w.Add(c.item, img, label); err != nil {
			return err
		}
		tick(false)
	}
	return nil
}

// make is the copy's picture; number 0 is the origin itself, only resized.
func (c copyOf) make(source *dataset.Picture, opt Options) (*image.Gray16, *image.Gray) {
	v := opt.Variation
	if c.number == 0 {
		v = Variation{}
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", c.origin.ID, c.number)
	return files(v.apply(rand.New(rand.NewPCG(opt.Seed, h.Sum64())), source, opt.Size))
}

// files turns a picture into what is stored of it.
func files(p *dataset.Picture) (*image.Gray16, *image.Gray) {
	r := image.Rect(0, 0, p.Cols, p.Rows)
	img, label := image.NewGray16(r), image.NewGray(r)
	for i, v := range p.Pix {
		img.SetGray16(i%p.Cols, i/p.Cols, color.Gray16{Y: uint16(math.Round(float64(v) * math.MaxUint16))})
	}
	copy(label.Pix, p.Label)
	return img, label
}
