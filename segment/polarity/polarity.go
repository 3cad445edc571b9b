// Package polarity gives stored values their meaning: it brings every radiograph to one
// picture, open beam bright, by the attributes that say what a value is (PS3.3 C.8.11.3.1,
// C.11.1, C.11.6) and one table of rules. It changes values alone, not their places, and
// knows no detector and no network.
package polarity

import (
	"fmt"
	"math"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// Attributes the dictionary of the parsing library has no name for are given by number.
var (
	tagPresentationIntent = tag.Tag{Group: 0x0008, Element: 0x0068}
	tagPixelIntensity     = tag.Tag{Group: 0x0028, Element: 0x1040}
	tagPixelIntensitySign = tag.Tag{Group: 0x0028, Element: 0x1041}
	tagPresentationLUT    = tag.Tag{Group: 0x2050, Element: 0x0020}
)

// Facts are the attributes that give stored values their meaning.
type Facts struct {
	Photometric  string // (0028,0004)
	LUTShape     string // Presentation LUT Shape (2050,0020)
	Relationship string // Pixel Intensity Relationship (0028,1040), PS3.3 C.8.11.3.1.2
	Sign         int    // Pixel Intensity Relationship Sign (0028,1041), 0 when absent
	Processing   bool   // Presentation Intent Type (0008,0068) is FOR PROCESSING
}

// rule is one line of the table: the first that fits decides.
type rule struct {
	name             string
	processing       bool
	relationship     string // "" fits all
	sign             int    // 0 fits all
	photometric      string // "" fits all
	lutShape         string // "" fits all
	invert, log, lut bool   // lut: the Modality LUT comes first (PS3.3 C.11.1)
}

// rules brings every image to "open beam bright". For Processing pixels are
// judged by their relation to the beam's intensity: sign 1 means lower values for less
// intensity. Everything else is judged as displayed, bone white: MONOCHROME2 shows high
// values white, MONOCHROME1 low ones; INVERSE turns MONOCHROME2 over, while with
// MONOCHROME1 PS3.3 C.8.11.3 demands it and it says nothing new.
var rules = []rule{
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

func (c rule) fits(f Facts) bool {
	return c.processing == f.Processing &&
		(c.relationship == "" || c.relationship == f.Relationship) &&
		(c.sign == 0 || c.sign == f.Sign) &&
		(c.photometric == "" || c.photometric == f.Photometric) &&
		(c.lutShape == "" || c.lutShape == f.LUTShape)
}

// Of reads the facts of an image.
func Of(m *decode.Image) Facts {
	f := Facts{
		Photometric:  m.Text(tag.PhotometricInterpretation),
		LUTShape:     m.Text(tagPresentationLUT),
		Relationship: m.Text(tagPixelIntensity),
		Processing:   m.Text(tagPresentationIntent) == "FOR PROCESSING",
	}
	if s := m.Integers(tagPixelIntensitySign); len(s) == 1 {
		f.Sign = s[0]
	}
	return f
}

func caseOf(f Facts) rule {
	for _, c := range rules {
		if c.fits(f) {
			return c
		}
	}
	return rules[len(rules)-1]
}

// Canonical turns pix, the image's (dark corrected) stored values, in place into a
// picture with the open beam bright.
func Canonical(m *decode.Image, pix []float32) Record {
	c := caseOf(Of(m))
	inverted := c.invert
	if c.lut {
		inverted = modality(m, pix) != c.invert
	}
	if c.invert {
		top := float32(0)
		if c.log { // the unattenuated end of a turned linear signal is its full scale
			top = float32(int(1)<<m.BitsStored - 1)
		}
		raster.Each(pix, func(v float32) float32 { return top - v })
	}
	if c.log {
		logarithm(pix)
	}
	return Record{Case: c.name, Inverted: inverted, Log: c.log}
}

// modality applies the Modality LUT (PS3.3 C.11.1) in place and reports whether it
// turns the order of values over.
func modality(m *decode.Image, pix []float32) bool {
	if table, first, ok := modalityLUT(m); ok {
		raster.Each(pix, func(v float32) float32 {
			return table[min(max(int(v)-first, 0), len(table)-1)]
		})
		return table[0] > table[len(table)-1]
	}
	slope := float32(m.Number(tag.RescaleSlope, 1))
	intercept := float32(m.Number(tag.RescaleIntercept, 0))
	if slope == 0 || slope == 1 && intercept == 0 {
		return false
	}
	raster.Each(pix, func(v float32) float32 { return v*slope + intercept })
	return slope < 0
}

// modalityLUT reads the table of the Modality LUT Sequence (0028,3000).
func modalityLUT(m *decode.Image) (table []float32, first int, ok bool) {
	items := m.Items(tag.ModalityLUTSequence)
	if len(items) == 0 {
		return nil, 0, false
	}
	it := decode.Image{Dataset: *items[0]}
	d := it.Integers(tag.LUTDescriptor)
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
	switch v := it.Values(tag.LUTData).(type) {
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
	strong := raster.Quantiles(pix, picture.ClipHigh)[0]
	floor := max(1, strong*noiseFloor)
	raster.Each(pix, func(v float32) float32 {
		if !(v > floor) {
			v = floor
		}
		return float32(math.Log(float64(v)))
	})
}

// Record says how stored values became the canonical picture (open beam bright).
type Record struct {
	Case     string // the line of the polarity table, in words
	Inverted bool   // the stored values were turned over
	Log      bool   // the logarithm was taken (raw, linear detector signal)
}

// String says it in words.
func (r Record) String() string {
	return fmt.Sprintf("%s, inverted %s, logarithm %s", r.Case, yesNo(r.Inverted), yesNo(r.Log))
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
