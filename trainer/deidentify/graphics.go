package deidentify

import (
	"encoding/binary"
	"slices"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Overlay is an overlay plane of an image (PS3.3 C.9.2), without its texts. Its graphics may
// show a name, so a person must review it.
type Overlay struct {
	Rows, Columns int
	Top, Left     int    // position of its first pixel in the image, from 0, 0
	Bits          []byte // one bit for each pixel, row by row, least significant bit first
	elements      []*object.Element
}

// At reports whether the overlay has graphics at a pixel of the image.
func (o Overlay) At(x, y int) bool {
	x, y = x-o.Left, y-o.Top
	if x < 0 || y < 0 || x >= o.Columns || y >= o.Rows {
		return false
	}
	i := y*o.Columns + x
	return o.Bits[i/8]>>(i%8)&1 == 1
}

// plane are the elements of an overlay that are kept (PS3.3 Table C.9-2): not its description,
// label, comment, statistics or further frames.
var plane = []uint16{0x0010, 0x0011, 0x0040, 0x0050, 0x0100, 0x0102, 0x3000}

// overlays returns the complete overlays of a data set.
func overlays(s *object.Set) (out []Overlay) {
	for group := part10.Tag(0x6000); group <= 0x601E; group += 2 {
		if o, ok := overlay(s, group); ok {
			out = append(out, o)
		}
	}
	return out
}

func overlay(s *object.Set, group part10.Tag) (o Overlay, ok bool) {
	number := map[uint16][]int16{}
	for _, n := range plane {
		e := s.Find(group<<16 | part10.Tag(n))
		if e == nil {
			return o, false
		}
		if e.VR == "US" || e.VR == "SS" {
			for b := range slices.Chunk(e.Value, 2) {
				if len(b) == 2 {
					number[n] = append(number[n], int16(binary.LittleEndian.Uint16(b)))
				}
			}
		}
		o.elements = append(o.elements, e)
		o.Bits = e.Value // Overlay Data is the last element
	}
	for n, want := range map[uint16]int{0x0010: 1, 0x0011: 1, 0x0050: 2, 0x0100: 1, 0x0102: 1} {
		if len(number[n]) != want {
			return o, false
		}
	}
	o.Rows, o.Columns = int(uint16(number[0x0010][0])), int(uint16(number[0x0011][0]))
	o.Top, o.Left = int(number[0x0050][0])-1, int(number[0x0050][1])-1
	kind := s.First(group<<16 | 0x0040)
	ok = (kind == "G" || kind == "R") && number[0x0100][0] == 1 && number[0x0102][0] == 0 && o.Rows*o.Columns > 0 &&
		8*len(o.Bits) >= o.Rows*o.Columns && s.Find(group<<16|0x0015) == nil
	return o, ok
}

// holds reports whether e belongs to one of the overlays.
func holds(all []Overlay, e *object.Element) bool {
	return slices.ContainsFunc(all, func(o Overlay) bool { return slices.Contains(o.elements, e) })
}

// KeepGraphics adds the overlays of a result to its object and makes Claim list the Clean
// Graphics Option (PS3.15 E.3.3). Call it only after a person has reviewed the overlays and
// found that they identify nobody.
func (d *Deidentifier) KeepGraphics(r *Result) {
	if len(r.Graphics) == 0 {
		return
	}
	for _, o := range r.Graphics {
		for _, e := range o.elements {
			r.Object.Put(e)
		}
	}
	r.options = append(r.options, profile.Graphics)
}
