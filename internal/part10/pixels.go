package part10

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Pixels is what stands in Pixel Data (7FE0,0010).
type Pixels struct {
	Present      bool
	VR           string // "OB" or "OW"; "OW" where none of them is written
	BigEndian    bool   // the order of bytes in native pixels
	Length       int64  // of native pixels as announced, bytes
	Encapsulated bool
	// Offsets is the Basic Offset Table, Fragments are what follows it (PS3.5
	// A.4). They share memory with the file.
	Offsets   []byte
	Fragments [][]byte
}

// Frame returns the fragments of frame i, from 0, of frames: one, or several
// where the frame is the only one, where each frame begins as a codestream does, or
// where the Basic Offset Table tells which belong to it (PS3.5 A.4). What the fragments
// say counts for more than the table. They share memory with the file.
func (p Pixels) Frame(i, frames int) ([][]byte, error) {
	if i < 0 || i >= frames {
		return nil, fmt.Errorf("dicom: want frame %d of %d", i+1, frames)
	}
	of := p.Fragments
	switch {
	case len(of) == frames:
		of = of[i : i+1]
	case frames != 1:
		from, to, ok := p.byStart(i, frames)
		if !ok {
			from, to, ok = p.byOffset(i, frames)
		}
		if !ok {
			return nil, fmt.Errorf("dicom: Pixel Data: %d fragments for %d frames, and no offsets that divide them", len(of), frames)
		}
		of = of[from:to]
	}
	return of, nil
}

// byStart finds frame i where as many fragments as there are frames begin like a
// codestream: SOI and a marker (T.81, T.87), or SOC and SIZ (T.800).
func (p Pixels) byStart(i, frames int) (from, to int, ok bool) {
	var starts []int
	for k, f := range p.Fragments {
		if bytes.HasPrefix(f, []byte{0xFF, 0xD8, 0xFF}) || bytes.HasPrefix(f, []byte{0xFF, 0x4F, 0xFF, 0x51}) {
			starts = append(starts, k)
		}
	}
	if len(starts) != frames {
		return 0, 0, false
	}
	starts = append(starts, len(p.Fragments))
	return starts[i], starts[i+1], true
}

// byOffset finds frame i by the Basic Offset Table.
func (p Pixels) byOffset(i, frames int) (from, to int, ok bool) {
	from, ok = p.fragmentAt(i)
	to, ok2 := p.fragmentAt(i + 1)
	return from, to, len(p.Offsets) == 4*frames && ok && ok2 && from < to
}

// fragmentAt is the index of the fragment that frame i begins with; behind the
// last frame it is their number.
func (p Pixels) fragmentAt(i int) (index int, ok bool) {
	if 4*i == len(p.Offsets) {
		return len(p.Fragments), true
	}
	if 4*i+4 > len(p.Offsets) {
		return 0, false
	}
	want, at := int64(binary.LittleEndian.Uint32(p.Offsets[4*i:])), int64(0)
	index = slices.IndexFunc(p.Fragments, func(f []byte) bool {
		found := at == want
		at += 8 + int64(len(f)) // the offsets count the heads of items
		return found
	})
	return index, index >= 0
}
