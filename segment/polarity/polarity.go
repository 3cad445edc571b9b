package segment

import (
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// polarityFacts are the attributes that give stored values their meaning.
type polarityFacts struct {
	photometric  string // (0028,0004)
	lutShape     string // Presentation LUT Shape (2050,0020)
	relationship string // Pixel Intensity Relationship (0028,1040), PS3.3 C.8.11.3.1.2
	sign         int    // Pixel Intensity Relationship Sign (0028,1041), 0 when absent
	processing   bool   // Presentation Intent Type (0008,0068) is FOR PROCESSING
}

// polarityCase is one line of the table: the first that fits decides.
type polarityCase struct {
	name             string
	processing       bool
	relationship     string // "" fits all
	sign             int    // 0 fits all
	photometric      string // "" fits all
	lutShape         string // "" fits all
	invert, log, lut bool   // lut: the Modality LUT comes first (PS3.3 C.11.1)
}

// polarityCases brings every image to "open beam bright". For Processing pixels are
// judged by their relation to the beam's intensity: sign 1 means lower values for less
// intensity. Everything else is judged as displayed, bone white: MONOCHROME2 shows high
// values white, MONOCHROME1 low ones; INVERSE turns MONOCHROME2 over, while with
// MONOCHROME1 PS3.3 C.8.11.3 demands it and it says nothing new.
var polarityCases = []polarityCase{
	{name: "for processing, linear, less beam is higher", processing: true, relationship: "LIN", sign: -1, invert: true, log: true},
	{name: "for processing, linear, less beam is lower", processing: true, relationship: "LIN", log: true},
	{name: "for processing, less beam is higher", processing: true, sign: -1, invert: true},
	{name: "for processing, less beam is lower", processing: true, sign: 1},
	{name: "for processing, sign absent, MONOCHROME1", processing: true, photometric: "MONOCHROME1", lut: true},
	{name: "for processing, sign absent, MONOCHROME2 inverse", processing: true, photometric: "MONOCHROME2", lutShape: "INVERSE", lut: true},
	{name: "for processing, sign absent, MONOCHROME2", processing: true, photometric: "MONOCHROME2", invert: true, lut: true},
	{name: "as displayed, MONOCHROME1", photometric: "MONOCHROME1", lut: true},
	{name: "as displayed, MONOCHROME2 inverse", photometric: "MONOCHROME2", lutShape: "INVERSE", lut: true},
	{name: "as displayed, MONOCHROME2", invert: true, lut: true},
}

func (c polarityCase) fits(f polarityFacts) bool {
	return c.processing == f.processing &&
		(c.relationship == "" || c.relationship == f.relationship) &&
		(c.sign == 0 || c.sign == f.sign) &&
		(c.photometric == "" || c.photometric == f.photometric) &&
		(c.lutShape == "" || c.lutShape == f.lutShape)
}

func (m *Image) polarityFacts() polarityFacts {
	f := polarityFacts{
		photometric:  m.text(tag.PhotometricInterpretation),
		lutShape:     m.text(tagPresentationLUT),
		relationship: m.text(tagPixelIntensity),
		processing:   m.text(tagPresentationIntent) == "FOR PROCESSING",
	}
	if s := m.integers(tagPixelIntensitySign); len(s) == 1 {
		f.sign = s[0]
	}
	return f
}

func polarityOf(f polarityFacts) polarityCase {
	for _, c := range polarityCases {
		if c.fits(f) {
			return c
		}
	}
	return polarityCases[len(polarityCases)-1]
}

// canonical turns pix, the image's (dark corrected) stored values, in place into a
// picture with the open beam bright.
func (m *Image) canonical(pix []float32) PolarityRecord {
	c := polarityOf(m.polarityFacts())
	inverted := c.invert
	if c.lut {
		inverted = m.modality(pix) != c.invert
	}
	if c.invert {
		top := float32(0)
		if c.log { // the unattenuated end of a turned linear signal is its full scale
			top = float32(int(1)<<m.BitsStored - 1)
		}
		each(pix, func(v float32) float32 { return top - v })
	}
	if c.log {
		logarithm(pix)
	}
	return PolarityRecord{Case: c.name, Inverted: inverted, Log: c.log}
}

// modality applies the Modality LUT (PS3.3 C.11.1) in place and reports whether it
// turns the order of values over.
func (m *Image) modality(pix []float32) bool {
	if table, first, ok := m.modalityLUT(); ok {
		each(pix, func(v float32) float32 {
			return table[min(max(int(v)-first, 0), len(table)-1)]
		})
		return table[0] > table[len(table)-1]
	}
	slope := float32(m.number(tag.RescaleSlope, 1))
	intercept := float32(m.number(tag.RescaleIntercept, 0))
	if slope == 0 || slope == 1 && intercept == 0 {
		return false
	}
	each(pix, func(v float32) float32 { return v*slope + intercept })
	return slope < 0
}

// modalityLUT reads the table of the Modality LUT Sequence (0028,3000).
func (m *Image) modalityLUT() (table []float32, first int, ok bool) {
	items := m.items(tag.ModalityLUTSequence)
	if len(items) == 0 {
		return nil, 0, false
	}
	it := Image{Dataset: *items[0]}
	d := it.integers(tag.LUTDescriptor)
	if len(d) != 3 {
		return nil, 0, false
	}
	n, first := d[0], d[1]
	if n == 0 {
		n = 65536
	}
	if m.Signed && first > 32767 {
		first -= 65536
	}
	switch v := it.values(tag.LUTData).(type) {
	case []int:
		for _, x := range v {
			table = append(table, float32(x))
		}
	case []byte: // OW, in little endian order from the parser
		for i := 0; i+1 < len(v); i += 2 {
			table = append(table, float32(int(v[i])|int(v[i+1])<<8))
		}
	}
	if len(table) != n {
		return nil, 0, false
	}
	return table, first, true
}

// noiseFloor is the part of the strong signal below which a linear detector answers
// with noise; the logarithm stops there.
const noiseFloor = 1e-3

// logarithm replaces a linear signal by its logarithm in place. Signal below noiseFloor
// of the 99.9 percentile counts as that.
func logarithm(pix []float32) {
	strong := quantiles(pix, clipHigh)[0]
	floor := max(1, strong*noiseFloor)
	each(pix, func(v float32) float32 {
		if !(v > floor) {
			v = floor
		}
		return float32(math.Log(float64(v)))
	})
}

// each replaces every value by f of it, in parallel.
func each(pix []float32, f func(float32) float32) {
	const block = 1 << 14
	parallel((len(pix)+block-1)/block, func(b int) {
		part := pix[b*block : min(len(pix), (b+1)*block)]
		for i, v := range part {
			part[i] = f(v)
		}
	})
}
