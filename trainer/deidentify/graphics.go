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
	Bits          []byte // one bit for each pixel and no more, row by row, least significant bit first
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

// overlays returns the complete overlays of a data set that lie inside its image. A reviewer
// would not see what lies outside.
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
		number[n] = shorts(e)
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
	kind := s.Text(group<<16 | 0x0040)
	ok = len(kind) == 1 && (kind[0] == "G" || kind[0] == "R") && number[0x0100][0] == 1 && number[0x0102][0] == 0 && o.inside(s) &&
		8*len(o.Bits) >= o.Rows*o.Columns && s.Find(group<<16|0x0015) == nil
	if ok {
		o.Bits = exactly(o.Bits, o.Rows*o.Columns)
	}
	return o, ok
}

// shorts returns the values of an element of VR US or SS, nil if it is of another.
func shorts(e *object.Element) (list []int16) {
	if e.VR != "US" && e.VR != "SS" || len(e.Value)%2 == 1 {
		return nil
	}
	for b := range slices.Chunk(e.Value, 2) {
		list = append(list, int16(binary.LittleEndian.Uint16(b)))
	}
	return list
}

// inside reports whether the overlay has pixels, and all of them in the image of s.
func (o Overlay) inside(s *object.Set) bool {
	size := [2]int{}
	for i, t := range []part10.Tag{0x00280010, 0x00280011} {
		if e := s.Find(t); e != nil && len(shorts(e)) == 1 {
			size[i] = int(uint16(shorts(e)[0]))
		}
	}
	return o.Rows > 0 && o.Columns > 0 && o.Top >= 0 && o.Left >= 0 && o.Top+o.Rows <= size[0] && o.Left+o.Columns <= size[1]
}

// exactly returns the first n bits, padded with zeros to an even number of bytes.
func exactly(bits []byte, n int) []byte {
	out := slices.Clone(bits[:(n+7)/8])
	if n%8 > 0 {
		out[len(out)-1] &= 1<<(n%8) - 1
	}
	return append(out, make([]byte, len(out)%2)...)
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
			if e.Tag&0xFFFF == 0x3000 {
				e = &object.Element{Tag: e.Tag, VR: e.VR, Value: o.Bits}
			}
			r.Object.Put(e)
		}
	}
	r.options = append(r.options, profile.Graphics)
}
