package decode

import (
	"fmt"
	"sync/atomic"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// palette is one Palette Color Lookup Table (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6).
type palette struct {
	entries []int
	first   int // stored value of entry 0
	bits    int // of an entry
}

// of returns the entry of a stored value. Values before the first entry or after the last get
// that entry.
func (p *palette) of(v int) int { return p.entries[max(0, min(len(p.entries)-1, v-p.first))] }

var paletteTags = [3][2]tag.Tag{
	{tag.RedPaletteColorLookupTableDescriptor, tag.RedPaletteColorLookupTableData},
	{tag.GreenPaletteColorLookupTableDescriptor, tag.GreenPaletteColorLookupTableData},
	{tag.BluePaletteColorLookupTableDescriptor, tag.BluePaletteColorLookupTableData},
}

// unpackPalette converts an image whose three palettes are equal for all values in the image.
// The samples are entries of the palette and have its number of bits.
func (m *Image) unpackPalette(v values, of func(int) int) ([]float32, error) {
	var tables [3]*palette
	for i, t := range paletteTags {
		var err error
		if tables[i], err = m.palette(t[0], t[1]); err != nil {
			return nil, err
		}
	}
	red, green, blue := tables[0], tables[1], tables[2]
	var coloured atomic.Bool
	samples, err := m.convert(v, func(samples []float32, data []byte) {
		for i := range samples {
			x := of(v.value(data, i))
			grey := red.of(x)
			if green.of(x) != grey || blue.of(x) != grey {
				coloured.Store(true)
				return
			}
			samples[i] = float32(grey)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case coloured.Load():
		return nil, fmt.Errorf("%w: a palette of colours", ErrUnsupported)
	}
	m.BitsAllocated, m.BitsStored, m.HighBit, m.Signed = red.bits, red.bits, red.bits-1, false
	return samples, nil
}

// palette reads one table. Its entries are words; 8-bit entries may also be packed in pairs.
func (m *Image) palette(descriptor, data tag.Tag) (*palette, error) {
	d := m.Integers(descriptor)
	bytes, _ := m.Values(data).([]byte)
	if len(d) != 3 || d[2] != 8 && d[2] != 16 {
		return nil, fmt.Errorf("%w: no Palette Color Lookup Table Descriptor (%04X,%04X)", ErrUnsupported, descriptor.Group, descriptor.Element)
	}
	p := &palette{first: d[1], bits: d[2], entries: make([]int, entryCount(d[0]))}
	if m.in.signed && p.first > 32767 {
		p.first -= 1 << 16
	}
	switch n := len(p.entries); {
	case len(bytes) >= 2*n:
		for i := range p.entries {
			p.entries[i] = (int(bytes[2*i]) | int(bytes[2*i+1])<<8) & (1<<p.bits - 1)
		}
	case p.bits == 8 && len(bytes) >= n:
		for i := range p.entries {
			p.entries[i] = int(bytes[i])
		}
	default:
		return nil, fmt.Errorf("%w: Palette Color Lookup Table Data (%04X,%04X): %d bytes for %d entries", ErrMalformed, data.Group, data.Element, len(bytes), n)
	}
	return p, nil
}

// entryCount returns the number of entries: the first value of a descriptor, where 0 means
// 65,536.
func entryCount(n int) int {
	if n &= 0xFFFF; n == 0 {
		return 1 << 16
	}
	return n
}
