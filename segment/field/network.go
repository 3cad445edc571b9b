package segment

import (
	"context"
	"fmt"
	"slices"
)

const (
	// unexposedFrom is the probability from which a pixel counts as unexposed: what keeps
	// the open beam that is lost below 1 %, on simulated pictures and on real ones. Anatomy
	// that is lost costs more than a border that stays.
	unexposedFrom = 0.65
	// sureBelow is the probability below which the network is so sure of the field that
	// no straight border takes a pixel from it.
	sureBelow = 0.1
	// leastPiece is the part of the frame below which a piece of the field, or of what
	// lies outside it, is not worth a mistake.
	leastPiece = 0.01
)

// answerSmoothing is what found the fields of simulated pictures best among those that
// keep to the borders of real ones.
var answerSmoothing = smoothing{lambda: 1e5, sigma: 0.003, rounds: 3}

// fieldAnswer is what the network says of a picture, at the picture's own pixels.
type fieldAnswer struct {
	seen Mask // to be exposed
	sure Mask // of seen, that it is
}

// askField asks the network for the exposed field of canonical picture x. In doubt all of
// it is field.
func askField(ctx context.Context, p Predictor, x []float32, g Geometry) (fieldAnswer, error) {
	answer, err := p.Predict(ctx, x)
	if err == nil {
		err = checkProbabilities(answer)
	}
	if err != nil {
		return fieldAnswer{}, fmt.Errorf("predict exposed field: %w", err)
	}
	out, picture := g.cut(answer), g.cut(x)
	answerSmoothing.smooth(out, picture, g.Height, g.Width)
	whole(out, g.Height, g.Width)
	return fieldAnswer{seen: g.below(out, unexposedFrom), sure: g.below(out, sureBelow)}, nil
}

// limit takes from the field inside straight borders, the whole frame without any, what the
// network has not seen to be exposed, and gives back what it is sure of. It names what found
// the result.
func (a fieldAnswer) limit(straight Mask) (field Mask, method string) {
	field = make(Mask, len(straight))
	for i, in := range straight {
		field[i] = a.seen[i] && (in || a.sure[i])
	}
	switch {
	case !believed(field):
		return wholeFrame(len(field)), "none"
	case slices.Equal(field, a.seen):
		return field, "network"
	case slices.Equal(field, straight):
		return field, "image"
	}
	return field, "network and image"
}

// cut takes the picture out of its padding: Height×Width values of a Side×Side plane.
func (g Geometry) cut(plane []float32) []float32 {
	out := make([]float32, g.Height*g.Width)
	for y := range g.Height {
		copy(out[y*g.Width:][:g.Width], plane[(g.Top+y)*Side+g.Left:])
	}
	return out
}

// whole makes field, out of probabilities h×w to be unexposed, of what no side of the
// picture reaches through unexposed pixels, such as metal and lead, and of small pieces
// outside; it takes small pieces from the field.
func whole(out []float32, h, w int) {
	label := make([]uint8, h*w)
	for i, p := range out {
		if p >= unexposedFrom {
			label[i] = 1
		}
	}
	runs, _ := connectedRuns(label, h, w)
	area, reaches := make([]int, len(runs)), make([]bool, len(runs))
	for i, r := range runs {
		k := root(runs, int32(i))
		area[k] += int(r.to - r.from)
		reaches[k] = reaches[k] || r.row == 0 || int(r.row) == h-1 || r.from == 0 || int(r.to) == w
	}
	least := int(leastPiece * float64(h*w))
	for i, r := range runs {
		k := root(runs, int32(i))
		line := out[int(r.row)*w:]
		switch unexposed := label[int(r.row)*w+int(r.from)] == 1; {
		case unexposed && !reaches[k]:
			for x := r.from; x < r.to; x++ {
				line[x] = 0
			}
		case !unexposed && area[k] < least:
			for x := r.from; x < r.to; x++ {
				line[x] = 1
			}
		}
	}
}

// below marks the picture's pixels at which v, Height×Width, is below limit,
// interpolated bilinearly between the centres of its pixels.
func (g Geometry) below(v []float32, limit float32) Mask {
	m := make(Mask, g.Rows*g.Columns)
	at, share := make([]int, g.Columns), make([]float32, g.Columns)
	for k := range at {
		at[k], share[k] = neighbour(k, g.Columns, g.Width)
	}
	parallel(g.Rows, func(r int) {
		i, f := neighbour(r, g.Rows, g.Height)
		top, low := v[i*g.Width:][:g.Width], v[min(i+1, g.Height-1)*g.Width:][:g.Width]
		line := make([]float32, g.Width+1)
		for x := range g.Width {
			line[x] = top[x]*(1-f) + low[x]*f
		}
		line[g.Width] = line[g.Width-1]
		row := m[r*g.Columns:][:g.Columns]
		for k, x := range at {
			row[k] = line[x]+(line[x+1]-line[x])*share[k] < limit
		}
	})
	return m
}
