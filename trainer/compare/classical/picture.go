package classical

import (
	"context"
	"fmt"
	"math"

	"dicomnode/segment"
	"dicomnode/segment/field"
	"dicomnode/segment/picture"
)

// Picture is a canonical picture without the padding that made it square.
type Picture struct {
	Height, Width int
	V             []float64 // Height×Width, 0..1, open beam bright
	// Outside marks what is not exposed; nil is nothing. V there repeats the nearest
	// exposed value, and histograms leave it out.
	Outside []bool
}

// Input is what is done to a canonical picture before any method sees it.
type Input struct {
	// Field leaves out what is not exposed, as a node finds it in the picture; true. The
	// publications are of pictures that show nothing else.
	Field bool `json:"field"`
	// Gamma is the exponent of the values 0..1, open beam bright; 1. Below 1 it spreads
	// what is dark, as the logarithm of a linear detector's signal does; canonical
	// pictures are mostly logarithmic already.
	Gamma float64 `json:"gamma"`
}

// DefaultInput returns the defaults.
func DefaultInput() Input { return Input{Field: true, Gamma: 1} }

// Check refuses parameters that mean nothing.
func (in Input) Check() error { return within(limit{"gamma", in.Gamma, 0.05, 20}) }

// FieldFinder finds the exposed field of a picture of rows×cols values, open beam bright,
// as a node does: a [segment.Pipeline] with the node's network of the field.
type FieldFinder interface {
	ExposedField(ctx context.Context, pix []float32, rows, cols int) (picture.Mask, field.Record, error)
}

var _ FieldFinder = (*segment.Pipeline)(nil)

// Outside marks what is not exposed of a canonical picture x, Side×Side in [−1,1],
// without its padding; nil when all is, or when nobody asked, and the finder is not asked
// then. Errors are those of the finder.
func (in Input) Outside(ctx context.Context, finder FieldFinder, x []float32, geo picture.Geometry) ([]bool, error) {
	if !in.Field {
		return nil, nil
	}
	field, _, err := finder.ExposedField(ctx, geo.Cut(x), geo.Height, geo.Width)
	if err != nil {
		return nil, fmt.Errorf("find exposed field: %w", err)
	}
	if n := field.Count(); n == 0 || n == len(field) {
		return nil, nil
	}
	out := make([]bool, len(field))
	for i, in := range field {
		if in {
			continue
		}
		out[i] = true
		neighbours(i, geo.Height, geo.Width, func(j int) { out[j] = true }) // the border's own pixels are of both sides
	}
	return out, nil
}

// Picture cuts a canonical picture x, Side×Side in [−1,1], out of its padding and
// stretches its values to 0..1, those outside of what Outside found left out. A constant
// picture becomes 0.
func (in Input) Picture(x []float32, geo picture.Geometry, outside []bool) Picture {
	v := geo.Cut(x)
	p := Picture{Height: geo.Height, Width: geo.Width, V: make([]float64, len(v)), Outside: outside}
	low, high := math.Inf(1), math.Inf(-1)
	for i, a := range v {
		if p.exposed(i) {
			low, high = min(low, float64(a)), max(high, float64(a))
		}
	}
	for i, a := range v {
		if high > low {
			p.V[i] = math.Pow(min(max((float64(a)-low)/(high-low), 0), 1), in.Gamma)
		}
	}
	p.repeat()
	return p
}

func (p Picture) exposed(i int) bool { return p.Outside == nil || !p.Outside[i] }

// repeat gives every pixel outside the value of one of the nearest exposed pixels, by
// steps along rows and columns.
func (p Picture) repeat() {
	if p.Outside == nil {
		return
	}
	var queue []int
	done := make([]bool, len(p.V))
	for i := range p.V {
		if p.exposed(i) {
			done[i] = true
			queue = append(queue, i)
		}
	}
	for k := 0; k < len(queue); k++ {
		neighbours(queue[k], p.Height, p.Width, func(j int) {
			if !done[j] {
				done[j], p.V[j] = true, p.V[queue[k]]
				queue = append(queue, j)
			}
		})
	}
}

// histogram counts the exposed values in bins.
func (p Picture) histogram(bins int) []float64 {
	h := make([]float64, bins)
	for i, a := range p.V {
		if p.exposed(i) {
			h[bin(a, bins)]++
		}
	}
	return h
}

func bounds(v []float64) (low, high float64) {
	if len(v) == 0 {
		return 0, 0
	}
	low, high = v[0], v[0]
	for _, a := range v {
		low, high = min(low, a), max(high, a)
	}
	return low, high
}
