package dataset

import (
	"context"
	"fmt"
	"math"
	"os"
	"path"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dicomnode/segment/picture"
)

// Side is the height and width of a sample.
const Side = picture.Side

// Sample is an item as XNet sees it, stored compactly (3 bytes per pixel).
type Sample struct {
	Item  Item
	Geo   picture.Geometry
	X     []uint16 // Side×Side canonical picture, 0..65535 for −1..1
	Label []uint8  // Side×Side, 255 in the padding too

	folder string // that Preload read it from
}

// Original reads the picture again that the sample was made of; nil of a sample that was
// made of a picture in memory.
func (s *Sample) Original() (*Picture, error) {
	if s.folder == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return nil, fmt.Errorf("open data set folder: %w", err)
	}
	defer root.Close()
	return (&Folder{Dir: s.folder, root: root}).Load(s.Item)
}

// NewSample makes the canonical picture and label of p.
func NewSample(it Item, p *Picture) *Sample {
	x, geo := picture.Canonical(p.Pix, p.Rows, p.Cols)
	s := &Sample{Item: it, Geo: geo, X: make([]uint16, len(x)), Label: geo.LabelDown(p.Label)}
	for i, v := range x {
		s.X[i] = uint16(math.Round(float64(v+1) * 32767.5))
	}
	return s
}

// Picture fills x, Side×Side, with the canonical picture in [−1,1].
func (s *Sample) Picture(x []float32) {
	for i, v := range s.X {
		x[i] = float32(v)/32767.5 - 1
	}
}

// Preload loads items with the given number of workers (0: one per CPU), in the
// order given. It stops at the first item that cannot be read.
func (f *Folder) Preload(ctx context.Context, items []Item, workers int) ([]*Sample, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	out := make([]*Sample, len(items))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i, it := range items {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error {
			p, err := f.Load(it)
			if err != nil {
				return err
			}
			out[i] = NewSample(it, p)
			out[i].folder = f.Dir
			return inner.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("load %s: %w", f.Dir, err)
	}
	return out, ctx.Err()
}

// Select returns the items whose split is listed (no split listed: all) and
// whose id matches none of the patterns, which are those of [path.Match].
func Select(items []Item, splits, exclude []string) ([]Item, error) {
	var out []Item
	for _, it := range items {
		dropped, err := matches(it.ID, exclude)
		if err != nil {
			return nil, err
		}
		if !dropped && inSplit(it.Split, splits) {
			out = append(out, it)
		}
	}
	return out, nil
}

func inSplit(split string, splits []string) bool {
	for _, s := range splits {
		if s == split {
			return true
		}
	}
	return len(splits) == 0
}

func matches(id string, patterns []string) (bool, error) {
	for _, p := range patterns {
		ok, err := path.Match(p, id)
		if err != nil {
			return false, fmt.Errorf("pattern %q: %w", p, err)
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}
