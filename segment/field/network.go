package field

import (
	"context"
	"fmt"
	"slices"
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

// limit combines straight, the field inside straight borders (the whole frame if there are
// none), with the prediction: it removes pixels predicted as unexposed, and restores those
// predicted as exposed with high confidence. method says which of the two determined the
// result.
func (a answer) limit(straight picture.Mask) (field picture.Mask, method string) {
	field = make(picture.Mask, len(straight))
	var beyondStraight, beyondSeen atomic.Bool // whether each alone would give a different field
	a.geo.Levels(a.unexposed, confidentBelow, unexposedFrom, func(r int, sure, seen []bool) {
		line, inside := field[r*a.geo.Columns:][:a.geo.Columns], straight[r*a.geo.Columns:][:a.geo.Columns]
		copy(line, seen)
		for from := raster.NextClear(inside, 0); from < len(inside); {
			to := raster.NextSet(inside, from)
			copy(line[from:to], sure[from:to]) // outside straight borders only confident pixels stay
			from = raster.NextClear(inside, to)
		}
		if !slices.Equal(line, seen) {
			beyondSeen.Store(true)
		}
		if !slices.Equal(line, inside) {
			beyondStraight.Store(true)
		}
	})
	switch {
	case !plausible(field):
		return wholeFrame(len(field)), "none"
	case !beyondSeen.Load():
		return field, "network"
	case !beyondStraight.Load():
		return field, "image"
	}
	return field, "network and image"
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
