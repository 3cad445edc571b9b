// Package polarity gives stored values their meaning: it brings every radiograph to one
// picture, open beam bright, by the attributes that say what a value is (PS3.3 C.8.11.3.1,
// C.11.1, C.11.6) and one table of rules. It changes values alone, not their places, and
// knows no detector and no network.
package polarity

import (
	"fmt"
	"sync"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Record says how stored values became the canonical picture (open beam bright).
type Record struct {
	Case     string // the line of the table, in words
	Inverted bool   // the stored values were turned over
	Log      bool   // the logarithm was taken (raw, linear detector signal)

	// Undecided says that the attributes leave open which end of the values is the open
	// beam: the picture decides, and Margin is by how much, 0 to 1.
	Undecided bool
	Margin    float64
	Warning   string // what a reader must know, "" mostly
}

// Canonical turns pix, the image's (dark corrected) stored values, in place into a picture
// with the open beam bright. Values that are no numbers stay that. The error is a Modality
// LUT that cannot be decoded: the values mean nothing without it.
func Canonical(m *decode.Image, pix []float32) (Record, error) {
	c := ruleOf(Of(m))
	r := Record{Case: c.name, Inverted: c.invert, Log: c.log, Undecided: c.decided}
	invert := c.invert
	if c.lut {
		values, err := modality(m, pix)
		if err != nil {
			return r, fmt.Errorf("make picture: %w", err)
		}
		r.Warning = values.warning
		if c.voi {
			turned, err := voiFalls(m, pix, values.signed)
			if err != nil {
				r.Warning = err.Error() + "; taken as rising"
			}
			if turned {
				r.Case += ", VOI LUT falls"
				invert = !invert
			}
		}
		r.Inverted = values.falls != invert
	}
	if invert {
		top := float32(0)
		if c.log { // the unattenuated end of a linear signal that falls with the beam is its full scale
			top = float32(int(1)<<m.BitsStored - 1)
		}
		Turn(pix, top)
	}
	if c.log {
		floor := float32(noiseFloor)
		if c.kind == Fluoroscopy {
			floor = glareFloor
		}
		logarithm(pix, floor)
	}
	return r, nil
}

// Turn makes high values low: v becomes top − v.
func Turn(pix []float32, top float32) {
	raster.Each(pix, func(v float32) float32 { return top - v })
}

// Signal is lost below a part of the strong one, and the logarithm stops there: a linear
// detector answers with noise; in fluoroscopy scatter and veiling glare, some tenth of the
// open beam, lie over what came straight through.
const (
	noiseFloor = 1e-3
	glareFloor = 0.1
)

// logarithm replaces a linear signal by its logarithm in place. Signal below the floor, a
// part of the 99.9 percentile, counts as that; what is no number stays that.
func logarithm(pix []float32, floor float32) {
	least := max(1, floor*raster.Quantiles(pix, picture.ClipHigh)[0])
	table := logarithms()
	raster.Each(pix, func(v float32) float32 {
		if v <= least {
			v = least
		}
		if i := int(v); i < len(table) && float32(i) == v {
			return table[i]
		}
		return raster.Log32(v)
	})
}

// logarithms are those of the whole numbers of 16 bits, which is what detectors give.
var logarithms = sync.OnceValue(func() []float32 {
	table := make([]float32, 1<<16)
	for i := range table {
		table[i] = raster.Log32(float32(i))
	}
	return table
})

// String says it in words.
func (r Record) String() string {
	text := fmt.Sprintf("%s, inverted %s, logarithm %s", r.Case, yesNo(r.Inverted), yesNo(r.Log))
	if r.Undecided {
		text += fmt.Sprintf(", by the picture, margin %.3f", r.Margin)
	}
	return text
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
