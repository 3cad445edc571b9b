// Package field finds the exposed field of a radiograph: from the header (PS3.3 C.7.6.11,
// C.8.7.3), from straight borders in the picture, and from a network's prediction. It does not
// segment what is inside.
package field

import (
	"context"
	"fmt"
	"math"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

const (
	fieldSide = 256   // the search works on a picture of at most this side
	minBorder = 0.002 // of the frame; a smaller border is ignored
	minField  = 0.10  // of the frame; a smaller field is rejected
)

// Finder finds exposed fields. It is safe for concurrent use when Predict is.
type Finder struct {
	// Predict runs the network of the exposed field: for a canonical picture, 1×1×200×200, it
	// returns the probabilities of unexposed, open beam and attenuated, 1×3×200×200. If it is
	// nil, only geometry is used.
	Predict func(ctx context.Context, x []float32) ([]float32, error)
	Model   string // SHA-256 of the network's bundle, hexadecimal
}

// Find finds the exposed field of an image. It uses the header if that states one. Otherwise it
// returns the intersection of the fields found from straight borders in pix (open beam bright)
// and by the network from the canonical picture x, which was made of pix with geo. In doubt it
// keeps pixels in the field. Its errors are those of the network.
func (f Finder) Find(ctx context.Context, m *decode.Image, pix, x []float32, geo picture.Geometry) (picture.Mask, Record, error) {
	field, record := Whole(len(pix))
	switch {
	case byAttributes(field, m):
		record.Method = "attributes"
	default:
		if byImage(field, pix, m.Rows, m.Columns) {
			record.Method = "image"
		}
		if f.Predict == nil {
			break
		}
		answer, err := f.ask(ctx, x, geo, field)
		if err != nil {
			return nil, record, err
		}
		record.Model = f.Model
		record.Method = answer.limit(field)
	}
	record.Fraction = float64(field.Count()) / float64(len(field))
	return field, record, nil
}

// Whole returns the field of a frame of n pixels that is exposed everywhere.
func Whole(n int) (picture.Mask, Record) {
	return wholeFrame(n), Record{Method: "none", Fraction: 1}
}

func wholeFrame(n int) picture.Mask {
	m := make(picture.Mask, n)
	raster.Blocks(n, func(from, to int) { raster.Set(m[from:to]) })
	return m
}

// plausible reports whether a field is neither too small nor nearly the whole frame.
func plausible(field picture.Mask) bool {
	part := float64(field.Count()) / float64(len(field))
	return part >= minField && part <= 1-minBorder
}

// byImage removes the unexposed border. In doubt it removes nothing.
func byImage(field picture.Mask, pix []float32, rows, cols int) bool {
	small, h, w := shrink(pix, rows, cols)
	s := newSearch(small, h, w)
	if !(s.high > s.low) {
		return false
	}
	white := s.cutWhite()
	shape := s.cutShape()
	if dark := s.cutDark(); !white && !dark && !shape {
		return false
	}
	if !plausible(s.in) {
		return false
	}
	sy, sx := float64(h)/float64(rows), float64(w)/float64(cols)
	raster.Parallel(rows, func(r int) {
		line := field[r*cols : (r+1)*cols]
		first, last := rowSpan(s.borders, (float64(r)+0.5)*sy-0.5, sx, cols)
		clear(line[:first])
		clear(line[last:])
	})
	return true
}

// rowSpan returns the pixels [first, last) of a row of cols pixels, each step wide, that are
// inside all borders; y is the row's position in the search picture.
func rowSpan(borders []border, y, step float64, cols int) (first, last int) {
	lo, hi := 0.0, float64(cols)
	for _, b := range borders {
		switch x := ((b.d-b.ny*y)/b.nx+0.5)/step - 0.5; {
		case math.Abs(b.nx) < 1e-9:
			if b.ny*y < b.d {
				return cols, cols
			}
		case b.nx > 0:
			lo = max(lo, math.Ceil(x))
		default:
			hi = min(hi, math.Floor(x)+1)
		}
	}
	if lo >= hi {
		return cols, cols
	}
	return int(lo), int(hi)
}

// shrink averages pix to a picture with sides of at most fieldSide.
func shrink(pix []float32, rows, cols int) (small []float32, h, w int) {
	f := float64(fieldSide) / float64(max(rows, cols, fieldSide))
	h, w = max(1, int(float64(rows)*f)), max(1, int(float64(cols)*f))
	g := picture.Geometry{Rows: rows, Columns: cols, Height: h, Width: w}
	return g.Down(pix, -math.MaxFloat32, math.MaxFloat32), h, w
}

// Record says how the exposed field was found.
type Record struct {
	Method   string  // "none" (whole frame), "attributes", "network", "image", "network and image"
	Fraction float64 // exposed part of the frame
	Model    string  // SHA-256 of the network used, "" if none was
}

// String describes how the field was found.
func (r Record) String() string {
	text := fmt.Sprintf("%s, %.4g of the frame", r.Method, r.Fraction)
	if r.Model != "" {
		text += ", network SHA-256 " + r.Model
	}
	return text
}
