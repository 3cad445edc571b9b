// Package padding decides what pixels are that an image declares as Pixel Padding (PS3.3
// C.7.5.1.1.2): fill around the exposed field, or background air. It uses stored values and
// shapes only, not the polarity.
package padding

import (
	"fmt"
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

const (
	minShown  = 0.02  // of the frame; with less left the attributes are ignored
	minPatch  = 0.001 // of the frame; smaller patches are too small to have a shape
	nearValue = 0.005 // of the picture's range: a padding value this near to others occurs in the picture
)

// Record says how padding was handled.
type Record struct {
	Low, High int    // the stored values that are padding
	Outside   int    // pixels of fill, which are outside the exposed field
	Air       int    // pixels of background, which are open beam
	Warning   string // why the attributes were ignored; usually ""
}

// String describes the record, "" if nothing was padded.
func (r Record) String() string {
	if r.Outside+r.Air == 0 {
		return ""
	}
	return fmt.Sprintf("stored values %d to %d, %d pixels outside the field, %d of open beam", r.Low, r.High, r.Outside, r.Air)
}

// Padding are the padded pixels of one image.
type Padding struct {
	Record  Record
	outside picture.Mask
	air     picture.Mask
}

// Find finds the padded pixels of m; nil if it declares or has none.
//
// A large patch with a straight or circular border is fill, whatever its value. Any other patch
// is background air, and open beam, unless its value occurs in the picture as well: then its
// pixels are part of the picture.
func Find(m *decode.Image) *Padding {
	low, high, ok := declared(m)
	if !ok {
		return nil
	}
	label := make([]uint8, len(m.Samples))
	n := 0
	for i, v := range m.Samples {
		if v >= low && v <= high {
			label[i] = 1
			n++
		}
	}
	if n == 0 {
		return nil
	}
	p := &Padding{Record: Record{Low: int(low), High: int(high)}}
	if float64(n) > (1-minShown)*float64(len(label)) {
		p.Record.Warning = "nearly all pixels have the Pixel Padding Value (0028,0120); it is ignored"
		return p
	}
	p.sort(m, label, occurs(m.Samples, low, high))
	return p
}

// declared are the smallest and greatest stored value of padding: Pixel Padding Value
// (0028,0120) to Pixel Padding Range Limit (0028,0121), both included, in either order.
func declared(m *decode.Image) (low, high float32, ok bool) {
	v := m.Integers(tag.PixelPaddingValue)
	if len(v) != 1 {
		return 0, 0, false
	}
	limit := v
	if l := m.Integers(tag.PixelPaddingRangeLimit); len(l) == 1 {
		limit = l
	}
	a, b := stored(m, v[0]), stored(m, limit[0])
	return min(a, b), max(a, b), true
}

// stored is a declared value as in the samples: limited to Bits Stored, with the sign of Pixel
// Representation. Both attributes are often declared with the other VR.
func stored(m *decode.Image, v int) float32 {
	mask, sign := 1<<m.BitsStored-1, 0
	if m.Signed {
		sign = 1 << (m.BitsStored - 1)
	}
	return float32((v&mask ^ sign) - sign)
}

// occurs reports whether values next to those of padding occur in the picture too.
func occurs(samples []float32, low, high float32) bool {
	gap, least, most := math.Inf(1), math.Inf(1), math.Inf(-1)
	for _, f := range samples {
		v := float64(f)
		switch {
		case f < low:
			gap = min(gap, float64(low)-v)
		case f > high:
			gap = min(gap, v-float64(high))
		default:
			continue
		}
		least, most = min(least, v), max(most, v)
	}
	return gap <= max(1, nearValue*(most-least))
}

// sort classifies every patch of padded pixels, which label marks with 1.
func (p *Padding) sort(m *decode.Image, label []uint8, occurs bool) {
	p.outside, p.air = make(picture.Mask, len(label)), make(picture.Mask, len(label))
	patches := raster.Connect(label, m.Rows, m.Columns)
	large := largePatches(patches, label, int(minPatch*float64(len(label))))
	shown := newShape(patches, large, m.Rows, m.Columns)
	into := map[int]picture.Mask{}
	for root := range large {
		if shown.fill(root) {
			into[root] = p.outside
		}
	}
	for i, r := range patches.Runs {
		first := patches.First(i)
		mask, fill := into[patches.Root(i)]
		if label[first] == 0 || !fill && occurs {
			continue
		}
		if !fill {
			mask = p.air
		}
		for k := first; k < first+int(r.To-r.From); k++ {
			mask[k] = true
		}
	}
	p.Record.Outside, p.Record.Air = p.outside.Count(), p.air.Count()
}

// Drawn marks the pixels of those patches of label (rows×cols pixels of 1 or 0) that have a
// straight or circular border, like fill; the outline of a body has none.
func Drawn(label []uint8, rows, cols int) picture.Mask {
	patches := raster.Connect(label, rows, cols)
	large := largePatches(patches, label, int(minPatch*float64(len(label))))
	shown := newShape(patches, large, rows, cols)
	drawn := map[int]bool{}
	for root := range large {
		drawn[root] = shown.fill(root)
	}
	out := make(picture.Mask, len(label))
	for i, r := range patches.Runs {
		first := patches.First(i)
		for k := first; k < first+int(r.To-r.From); k++ {
			out[k] = drawn[patches.Root(i)]
		}
	}
	return out
}

// largePatches are the roots of padded patches of at least so many pixels.
func largePatches(patches *raster.Regions, label []uint8, least int) map[int]bool {
	out := map[int]bool{}
	for root, n := range patches.Areas() {
		if n > least && label[patches.First(root)] == 1 {
			out[root] = true
		}
	}
	return out
}

// Hide sets padded pixels of pix to NaN, which statistics ignore.
func (p *Padding) Hide(pix []float32) {
	if p == nil || p.outside == nil {
		return
	}
	for i := range pix {
		if p.outside[i] || p.air[i] {
			pix[i] = float32(math.NaN())
		}
	}
}

// Fill gives hidden pixels of a picture with the open beam bright their values: fill is as dark
// as the darkest pixel, air as bright as the brightest.
func (p *Padding) Fill(pix []float32) {
	if p == nil || p.outside == nil {
		return
	}
	q := raster.Quantiles(pix, 0, picture.ClipHigh)
	for i := range pix {
		switch {
		case p.outside[i]:
			pix[i] = q[0]
		case p.air[i]:
			pix[i] = q[1]
		}
	}
}

// Limit removes fill from a field.
func (p *Padding) Limit(field picture.Mask) {
	if p == nil || p.outside == nil {
		return
	}
	for i, out := range p.outside {
		field[i] = field[i] && !out
	}
}
