package field

import (
	"context"
	"fmt"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

const (
	// unexposedFrom is the probability from which a pixel counts as unexposed: what keeps
	// the open beam that is lost below 1 %, on simulated pictures and on real ones. Anatomy
	// that is lost costs more than a border that stays.
	unexposedFrom = 0.65
	// sureBelow is the probability below which the network is so sure of the field that
	// no straight border takes a pixel from it.
	confidentBelow = 0.1
	// leastPiece is the part of the frame below which a piece of the field, or of what
	// lies outside it, is not worth a mistake.
	minPiece = 0.01
)

// answerSmoothing is what found the fields of simulated pictures best among those that
// keep to the borders of real ones.
var answerSmoothing = smoothing{lambda: 1e5, sigma: 0.003, rounds: 3}

// answer is what the network says of a picture, at the picture's resolution.
type answer struct {
	seen picture.Mask // to be exposed
	sure picture.Mask // of seen, that it is
}

// ask asks the network for the exposed field of canonical picture x, of which straight
// borders leave straight. In doubt all of it is field.
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
	return answer{seen: g.Below(out, unexposedFrom), sure: g.Below(out, confidentBelow)}, nil
}

// limit takes from the field inside straight borders, the whole frame without any, what the
// network has not seen to be exposed, and gives back what it is sure of. It names what found
// the result.
func (a answer) limit(straight picture.Mask) (field picture.Mask, method string) {
	field = make(picture.Mask, len(straight))
	for i, in := range straight {
		field[i] = a.seen[i] && (in || a.sure[i])
	}
	switch {
	case !plausible(field):
		return wholeFrame(len(field)), "none"
	case slices.Equal(field, a.seen):
		return field, "network"
	case slices.Equal(field, straight):
		return field, "image"
	}
	return field, "network and image"
}

// fillIslands makes field, out of probabilities h×w to be unexposed, of what no side of the
// picture reaches through unexposed pixels, such as metal and lead, and of small pieces
// outside; it takes small pieces from the field.
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
