package decode

import (
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
)

// describe reads and checks the Image Pixel module (PS3.3 C.7.6.3).
func (m *Image) describe() error {
	m.SOPClassUID, m.SOPInstanceUID = m.Text(tag.SOPClassUID), m.Text(tag.SOPInstanceUID)
	var signed int
	for _, a := range []struct {
		tag       tag.Tag
		into      *int
		min, max  int
		otherwise int // value if absent; derive: complete sets it
	}{
		{tag.Rows, &m.Rows, 1, 65535, 0},
		{tag.Columns, &m.Columns, 1, 65535, 0},
		{tag.SamplesPerPixel, &m.SamplesPerPixel, 1, 4, 1},
		{tag.BitsAllocated, &m.BitsAllocated, 1, 64, 0},
		{tag.BitsStored, &m.BitsStored, 1, 64, derive},
		{tag.HighBit, &m.HighBit, 0, 63, derive},
		{tag.PixelRepresentation, &signed, 0, 1, 0},
		{tag.NumberOfFrames, &m.Frames, 0, 1 << 20, 1},
	} {
		v := m.Integers(a.tag)
		absent := len(v) == 0 && (m.Values(a.tag) == nil || m.Text(a.tag) == "")
		if absent {
			v = []int{a.otherwise}
		}
		if len(v) != 1 || v[0] < a.min && v[0] != derive || v[0] > a.max {
			return fmt.Errorf("%w: %s", ErrMalformed, outOfRange(a.tag, v, absent, a.min, a.max))
		}
		*a.into = v[0]
	}
	m.Signed = signed == 1
	m.complete()
	m.in = packing{m.BitsAllocated, m.BitsStored, m.HighBit, m.Signed}
	return m.supported()
}

const derive = -1

// outOfRange describes an invalid value of an attribute of the pixels.
func outOfRange(t tag.Tag, v []int, absent bool, low, high int) string {
	name := part10.Tag(uint32(t.Group)<<16 | uint32(t.Element))
	switch {
	case absent:
		return fmt.Sprintf("no %v", name)
	case len(v) != 1:
		return fmt.Sprintf("%v: want one integer, have %d", name, len(v))
	}
	return fmt.Sprintf("%v: want %d to %d, have %d", name, low, high, v[0])
}

// complete replaces missing and contradictory values as DCMTK and pydicom do: all bits are
// stored, from bit 0 up, and there is one frame.
func (m *Image) complete() {
	if m.BitsStored == derive {
		m.BitsStored = m.BitsAllocated
		m.Forgiven.Add(part10.NoBitsStored, 0x00280101)
	}
	if m.HighBit == derive {
		m.HighBit = m.BitsStored - 1
	}
	if m.HighBit < m.BitsStored-1 || m.HighBit >= m.BitsAllocated && m.BitsStored <= m.BitsAllocated {
		m.HighBit = m.BitsStored - 1
		m.Forgiven.Add(part10.LowHighBit, 0x00280102)
	}
	if m.Frames == 0 {
		m.Frames = 1
		m.Forgiven.Add(part10.NoFrames, 0x00280008)
	}
}

func (m *Image) supported() error {
	switch {
	case m.BitsAllocated != 8 && m.BitsAllocated != 16:
		return fmt.Errorf("%w: %d bits allocated", ErrUnsupported, m.BitsAllocated)
	case m.Rows*m.Columns > MaxPixels:
		return fmt.Errorf("%w: %d×%d pixels, at most %d", ErrUnsupported, m.Rows, m.Columns, MaxPixels)
	case m.BitsStored > m.BitsAllocated || m.HighBit >= m.BitsAllocated || m.HighBit < m.BitsStored-1:
		return fmt.Errorf("%w: %d bits stored up to bit %d of %d", ErrMalformed, m.BitsStored, m.HighBit, m.BitsAllocated)
	}
	switch p := m.Text(tag.PhotometricInterpretation); {
	case p == "":
		return fmt.Errorf("%w: no Photometric Interpretation (0028,0004)", ErrMalformed)
	case photometric[p] == 0:
		return fmt.Errorf("%w: photometric interpretation %q", ErrUnsupported, printable(p))
	case photometric[p] != m.SamplesPerPixel:
		return fmt.Errorf("%w: %d samples per pixel of photometric interpretation %s", ErrUnsupported, m.SamplesPerPixel, p)
	case m.SamplesPerPixel > 1 && m.BitsAllocated > 8: // no radiograph is stored so
		return fmt.Errorf("%w: %d bits allocated for each of %d samples per pixel, at most 8", ErrUnsupported, m.BitsAllocated, m.SamplesPerPixel)
	}
	return nil
}

// photometric has the samples per pixel of the photometric interpretations that may be grey
// (PS3.3 C.7.6.3.1.2).
var photometric = map[string]int{
	"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1,
	"RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_RCT": 3, "YBR_ICT": 3,
}

// Monochrome reports whether the photometric interpretation is a grey one. Other images that
// can be read have three equal samples or a grey palette, and are displayed like MONOCHROME2.
func (m *Image) Monochrome() bool {
	p := m.Text(tag.PhotometricInterpretation)
	return p == "MONOCHROME1" || p == "MONOCHROME2"
}

// Inverted reports whether the smallest values are to be displayed white (MONOCHROME1, PS3.3
// C.7.6.3.1.2).
func (m *Image) Inverted() bool { return m.Text(tag.PhotometricInterpretation) == "MONOCHROME1" }
