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

// Frame returns the encapsulated bytes of frame i, from 0, of frames: its one
// fragment, or several in one where the frame is the only one or the Basic
// Offset Table tells which belong to it (PS3.5 A.4). It shares memory with the
// file where it can.
func (p Pixels) Frame(i, frames int) ([]byte, error) {
	if i < 0 || i >= frames {
		return nil, fmt.Errorf("dicom: want frame %d of %d", i+1, frames)
	}
	of := p.Fragments
	switch {
	case len(of) == frames:
		of = of[i : i+1]
	case frames != 1:
		from, ok := p.fragmentAt(i)
		to, ok2 := p.fragmentAt(i + 1)
		if len(p.Offsets) != 4*frames || !ok || !ok2 || from >= to {
			return nil, fmt.Errorf("dicom: Pixel Data: %d fragments for %d frames, and no offsets that divide them", len(of), frames)
		}
		of = of[from:to]
	}
	if len(of) == 1 {
		return of[0], nil
	}
	return bytes.Join(of, nil), nil
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
