package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"dicomnode/internal/threshold"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// Config is what a site may choose about segmentation.
type Config struct {
	// SoftTissue has the probability from which a soft tissue pixel is high-precision
	// soft tissue.
	SoftTissue threshold.Table
	// MinimumIsland is the area, as a fraction of Rows×Columns, below which a connected
	// region takes the class around it; 0 means DefaultMinimumIsland, negative keeps every
	// island.
	MinimumIsland float64
	// Guided refines the network's probabilities at native resolution; nil
	// interpolates them bilinearly.
	Guided *picture.GuidedFilter
	// Effort is how often the network is asked; "" is scales.Whole.
	Effort scales.Effort
	// Correction makes the probabilities at native resolution as sure as they are right.
	Correction picture.Correction
	// WholeFrame switches the search for the exposed field off.
	WholeFrame bool
}

// DefaultMinimumIsland is the MinimumIsland of a Config that gives none.
const DefaultMinimumIsland = 0.0005

func (c Config) minimumIsland() float64 {
	if c.MinimumIsland == 0 {
		return DefaultMinimumIsland
	}
	return max(0, c.MinimumIsland)
}

// leastIsland is the area from which an island of an image of n pixels stays.
func (c Config) leastIsland(n int) int { return int(c.minimumIsland() * float64(n)) }

// Digest is the SHA-256, hexadecimal, of everything in c that can change a result, but
// Correction, which the model's digest covers; defaults count as their values. It covers the JSON of digested.
func (c Config) Digest() string {
	d := digested{SoftTissueThreshold: c.SoftTissue.General(), SoftTissueThresholdByBodyPart: c.SoftTissue.ByBodyPart(),
		MinimumIsland: c.minimumIsland(), WholeFrame: c.WholeFrame}
	if c.Guided != nil {
		d.Guided = new(c.Guided.WithDefaults())
	}
	if c.Effort != scales.Whole {
		d.Effort = c.Effort
	}
	b, err := json.Marshal(d) // maps are marshalled in the order of their keys
	if err != nil {           // a number that is none; no bytes stand for it
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// digested is what a Config's digest covers. Names and order stay: another digest of
// the same choices would make the same image a new result.
type digested struct {
	SoftTissueThreshold           float64
	SoftTissueThresholdByBodyPart map[string]float64
	MinimumIsland                 float64
	Guided                        *picture.GuidedFilter `json:",omitempty"`
	WholeFrame                    bool
	Effort                        scales.Effort `json:",omitempty"` // none for scales.Whole, which is older than the field
}

// Probabilities brings the network's answer m to the pixels of the picture pix
// (Rows×Columns); field limits a refinement to what is exposed, nil is everything. It panics
// at other sizes.
func (c Config) Probabilities(m picture.Map, pix []float32, field picture.Mask) *picture.Upsampler {
	if c.Guided == nil {
		return m.Upsampler().Corrected(c.Correction)
	}
	return c.Guided.Refine(m, pix, field).Corrected(c.Correction)
}

// Label is the class of each pixel, as Pipeline.Run finds it for the network's answer m to a
// picture pix (Rows×Columns) that is exposed everywhere; islands are removed as well. It
// panics at other sizes.
func (c Config) Label(m picture.Map, pix []float32) []uint8 {
	label, _ := c.Probabilities(m, pix, nil).Labels(nil)
	picture.RemoveIslands(label, m.Rows, m.Columns, c.leastIsland(len(label)))
	return label
}
