// Package polarity converts the stored values of every radiograph to one convention, open beam
// bright, by the attributes that define the values (PS3.3 C.8.11.3.1, C.11.1, C.11.6) and one
// table of rules. It changes only values, and knows no detector and no network.
package polarity

import (
	"fmt"
	"sync"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Record says how stored values were converted to the canonical picture (open beam bright).
type Record struct {
	Case     string // the line of the table, in words
	Inverted bool   // the stored values were inverted
	Log      bool   // the logarithm was taken (raw, linear detector signal)

	// Undecided means that the attributes do not determine the polarity: the network decides,
	// and Margin is the difference of confidence, 0 to 1.
	Undecided bool
	Margin    float64
	Warning   string // a warning, usually ""
}

// Canonical converts pix, the image's (dark corrected) stored values, in place into a picture
// with the open beam bright. NaN stays NaN. It returns an error if a Modality LUT cannot be
// decoded, because the values have no meaning without it.
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

// Turn inverts values: v becomes top − v.
func Turn(pix []float32, top float32) {
	raster.Blocks(len(pix), func(from, to int) {
		for i, v := range pix[from:to] {
			pix[from+i] = top - v
		}
	})
}

// The logarithm is limited to a share of the strongest signal: below it a linear detector has
// only noise, and fluoroscopy only scatter and veiling glare, about a tenth of the open beam.
const (
	noiseFloor = 1e-3
	glareFloor = 0.1
)

// logarithm replaces a linear signal by its logarithm in place. Signal below the floor, a share
// of the 99.9th percentile, is raised to it; NaN stays NaN.
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

// logarithms are those of the 16-bit integers, which are the values of detectors.
var logarithms = sync.OnceValue(func() []float32 {
	table := make([]float32, 1<<16)
	for i := range table {
		table[i] = raster.Log32(float32(i))
	}
	return table
})

// String describes the record.
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
