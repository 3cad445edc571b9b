package field

import (
	"context"
	"fmt"
	"sync/atomic"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

const (
	// unexposedFrom is the probability above which a pixel counts as unexposed. It keeps the
	// loss of open beam below 1 %, on simulated and on real pictures: losing anatomy is worse
	// than keeping a border.
	unexposedFrom = 0.65
	// confidentBelow is the probability of unexposed below which no straight border removes a
	// pixel.
	confidentBelow = 0.1
	// minPiece is the share of the frame below which a region of the field, or outside it, is
	// ignored.
	minPiece = 0.01
)

// answerSmoothing gave the best fields on simulated pictures of all settings that keep the
// borders of real ones.
var answerSmoothing = smoothing{lambda: 1e5, sigma: 0.003, rounds: 3}

// answer is the network's answer: the probability of unexposed for each cell of a geometry.
type answer struct {
	unexposed []float32
	geo       picture.Geometry
}

// ask predicts the exposed field of the canonical picture x. straight is the field inside
// straight borders. In doubt pixels are kept in the field.
func (f Finder) ask(ctx context.Context, x []float32, g picture.Geometry, straight picture.Mask) (answer, error) {
	p, err := f.Predict(ctx, x)
	if err == nil {
		err = picture.CheckProbabilities(p)
	}
	if err != nil {
		return answer{}, fmt.Errorf("predict exposed field: %w", err)
	}
	out, seen := g.Cut(p), g.Cut(x)
	answerSmoothing.smooth(out, seen, g.Height, g.Width)
	keep(out, saturated(seen, g.Height, g.Width), straight, g)
	fillIslands(out, g.Height, g.Width)
	return answer{unexposed: out, geo: g}, nil
}

// limit combines field, which is inside straight borders (the whole frame if there are none), with
// the prediction, in place: it removes pixels predicted as unexposed, and restores those
// predicted as exposed with high confidence. method says which of the two determined the
// result.
func (a answer) limit(field picture.Mask) (method string) {
	var beyondStraight, beyondSeen atomic.Bool // whether each alone would give a different field
	a.geo.Levels(a.unexposed, confidentBelow, unexposedFrom, func(r int, sure, seen []bool) {
		line := field[r*a.geo.Columns:][:a.geo.Columns]
		for from := raster.NextClear(line, 0); from < len(line); {
			to := raster.NextSet(line, from)
			if !raster.Same(seen[from:to], sure[from:to]) {
				beyondSeen.Store(true)
				copy(seen[from:to], sure[from:to]) // outside straight borders only confident pixels stay
			}
			from = raster.NextClear(line, to)
		}
		if !raster.Same(line, seen) {
			beyondStraight.Store(true)
			copy(line, seen)
		}
	})
	switch {
	case !plausible(field):
		raster.Set(field)
		return "none"
	case !beyondSeen.Load():
		return "network"
	case !beyondStraight.Load():
		return "image"
	}
	return "network and image"
}

// fillIslands corrects h×w probabilities of unexposed. Unexposed regions that are small or do
// not touch the frame's edge, such as metal and lead, become field; small regions of field are
// removed.
func fillIslands(out []float32, h, w int) {
	label := make([]uint8, h*w)
	for i, p := range out {
		if p >= unexposedFrom {
			label[i] = 1
		}
	}
	runs := raster.Connect(label, h, w)
	area, reaches := runs.Areas(), make([]bool, len(runs.Runs))
	for i, r := range runs.Runs {
		k := runs.Root(i)
		reaches[k] = reaches[k] || r.Row == 0 || int(r.Row) == h-1 || r.From == 0 || int(r.To) == w
	}
	least := int(minPiece * float64(h*w))
	for i, r := range runs.Runs {
		k := runs.Root(i)
		line := out[int(r.Row)*w:]
		switch unexposed := label[runs.First(i)] == 1; {
		case unexposed && !reaches[k]:
			for x := r.From; x < r.To; x++ {
				line[x] = 0
			}
		case !unexposed && area[k] < least:
			for x := r.From; x < r.To; x++ {
				line[x] = 1
			}
		}
	}
}
