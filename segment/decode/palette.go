package decode

import (
	"fmt"
	"sync/atomic"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// A palette is one Palette Color Lookup Table (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6).
type palette struct {
	entries []int
	first   int // the stored value that entry 0 belongs to
	bits    int // of an entry
}

// of is the entry of a stored value; values before the first and after the last entry
// have those.
func (p *palette) of(v int) int { return p.entries[max(0, min(len(p.entries)-1, v-p.first))] }

var paletteTags = [3][2]tag.Tag{
	{tag.RedPaletteColorLookupTableDescriptor, tag.RedPaletteColorLookupTableData},
	{tag.GreenPaletteColorLookupTableDescriptor, tag.GreenPaletteColorLookupTableData},
	{tag.BluePaletteColorLookupTableDescriptor, tag.BluePaletteColorLookupTableData},
}

// unpackPalette takes a palette whose three tables are equal wherever the picture has
// values. The samples are those of the tables, with as many bits stored.
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

// palette reads one table. Its entries are words; 8-bit ones are also packed in pairs.
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

// entryCount is the first value of a descriptor, 0 of which stands for 65,536.
func entryCount(n int) int {
	if n &= 0xFFFF; n == 0 {
		return 1 << 16
	}
	return n
}
