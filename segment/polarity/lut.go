package polarity

import (
	"fmt"
	"math"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
)

// table is a look-up table (PS3.3 C.11.1.1, C.11.2.1.1): entry i belongs to the input
// first+i; inputs before and after take the first and the last entry.
type table struct {
	first   int
	entries []float32
}

func (t table) at(v float32) float32 {
	return t.entries[min(max(int(v)-t.first, 0), len(t.entries)-1)]
}

// falls reports whether the table inverts the order of values between low and high.
func (t table) falls(low, high float32) bool {
	a, b := t.at(low), t.at(high)
	if a == b {
		a, b = t.entries[0], t.entries[len(t.entries)-1]
	}
	return a > b
}

// readTable reads the table of the first item of a Modality or VOI LUT Sequence; found is false
// if there is none. signed means that the inputs are signed.
func readTable(m *decode.Image, sequence tag.Tag, signed bool) (t table, found bool, err error) {
	items := m.Items(sequence)
	if len(items) == 0 {
		return table{}, false, nil
	}
	t, err = tableOf(items[0], signed)
	if err != nil {
		err = fmt.Errorf("look-up table of (%04X,%04X): %w", sequence.Group, sequence.Element, err)
	}
	return t, true, err
}

// tableOf reads LUT Descriptor (0028,3002) and LUT Data (0028,3006).
func tableOf(item *dicom.Dataset, signed bool) (table, error) {
	it := decode.Image{Dataset: *item}
	d := it.Integers(tag.LUTDescriptor)
	if len(d) != 3 {
		return table{}, fmt.Errorf("%w: descriptor (0028,3002) of %d values, want 3", decode.ErrMalformed, len(d))
	}
	n, first := d[0]&0xFFFF, d[1]&0xFFFF
	if n == 0 { // C.11.1.1: 65536 entries
		n = 1 << 16
	}
	if signed && first > math.MaxInt16 {
		first -= 1 << 16
	}
	entries, err := entriesOf(it.Values(tag.LUTData), n, d[2])
	return table{first, entries}, err
}

// entriesOf reads n entries of 8 or 16 bits out of LUT Data: numbers, or the bytes of OW in
// little endian order. C.11.1.1.1: entries of 8 bits lie one in a word or, packed, two in a
// word, the first in its low byte. Numbers beyond the last entry are padding.
func entriesOf(data any, n, bits int) ([]float32, error) {
	var words []int
	switch v := data.(type) {
	case []int:
		words = v
	case []byte:
		for i := 0; i+1 < len(v); i += 2 {
			words = append(words, int(v[i])|int(v[i+1])<<8)
		}
		if len(v)%2 == 1 { // OB of an odd number of entries
			words = append(words, int(v[len(v)-1]))
		}
	}
	packed := bits <= 8 && len(words) < n
	if have := len(words); have < n && !(packed && 2*have >= n) {
		return nil, fmt.Errorf("%w: %d words of data (0028,3006) for %d entries of %d bits", decode.ErrMalformed, have, n, bits)
	}
	out := make([]float32, n)
	for i := range out {
		if packed {
			out[i] = float32(words[i/2] >> (i % 2 * 8) & 0xFF)
		} else {
			out[i] = float32(words[i])
		}
	}
	return out, nil
}

// meaning is the effect of the Modality LUT on the values.
type meaning struct {
	falls   bool // it inverted the order of values
	signed  bool // its output is signed
	warning string
}

// modality applies the Modality LUT (PS3.3 C.11.1) in place.
func modality(m *decode.Image, pix []float32) (meaning, error) {
	t, found, err := readTable(m, tag.ModalityLUTSequence, m.Signed)
	if err != nil {
		return meaning{}, err
	}
	if found {
		raster.Each(pix, func(v float32) float32 {
			if v != v {
				return v
			}
			return t.at(v)
		})
		return meaning{falls: t.entries[0] > t.entries[len(t.entries)-1]}, nil
	}
	return rescale(m, pix), nil
}

// rescale applies Rescale Slope and Intercept in place. A slope that is 0 or not a number
// counts as 1.
func rescale(m *decode.Image, pix []float32) meaning {
	slope, intercept := float32(m.Number(tag.RescaleSlope, 0)), float32(m.Number(tag.RescaleIntercept, 0))
	if slope == 0 {
		if text := m.Text(tag.RescaleSlope); text != "" {
			return meaning{signed: m.Signed, warning: "Rescale Slope (0028,1053) is 0 or no number; taken as 1"}
		}
		slope = 1
	}
	if slope != 1 || intercept != 0 {
		raster.Each(pix, func(v float32) float32 { return v*slope + intercept })
	}
	return meaning{falls: slope < 0, signed: m.Signed || slope < 0 || intercept < 0}
}

// voiFalls reports whether the first VOI LUT (PS3.3 C.11.2), which viewers apply by default,
// inverts pix, the values after the Modality LUT. The LUT itself is not applied.
func voiFalls(m *decode.Image, pix []float32, signed bool) (falls bool, err error) {
	t, found, err := readTable(m, tag.VOILUTSequence, signed)
	if err != nil || !found {
		return false, err
	}
	q := raster.Quantiles(pix, 0.02, 0.98)
	return t.falls(q[0], q[1]), nil
}
