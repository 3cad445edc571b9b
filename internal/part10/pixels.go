package part10

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Pixels is the content of Pixel Data (7FE0,0010).
type Pixels struct {
	Present      bool
	VR           string // "OB" or "OW"; "OW" if neither is written
	BigEndian    bool   // byte order of native pixels
	Length       int64  // length of native pixels in bytes, as encoded
	Encapsulated bool
	// Offsets is the Basic Offset Table, Fragments are the following items (PS3.5 A.4). They
	// share the memory of the file.
	Offsets   []byte
	Fragments [][]byte
}

// Frame returns the fragments of frame i (from 0) of frames. There is one fragment for each
// frame, or all belong to a single frame; otherwise a frame starts at each fragment that begins
// like a codestream, or where the Basic Offset Table says (PS3.5 A.4). The content of fragments
// takes precedence over the table. The fragments share the memory of the file.
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

// byStart finds frame i if the number of fragments that begin like a codestream is the number
// of frames: with SOI and a marker (T.81, T.87), or SOC and SIZ (T.800).
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

// fragmentAt returns the index of the first fragment of frame i; after the last frame, the
// number of fragments.
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
		at += 8 + int64(len(f)) // offsets include the item headers
		return found
	})
	return index, index >= 0
}
