package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"dicomnode/internal/threshold"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// Config are the settings of segmentation that a site may change.
type Config struct {
	// SoftTissue has the soft-tissue thresholds: the least probability of high-precision soft
	// tissue.
	SoftTissue threshold.Table
	// MinimumIsland is the area, as a fraction of Rows×Columns, below which a connected region
	// gets the class around it; 0 means DefaultMinimumIsland, negative keeps every island.
	MinimumIsland float64
	// Guided refines the network's probabilities at native resolution; nil
	// interpolates them bilinearly.
	Guided *picture.GuidedFilter
	// Effort selects the parts of the image that the network predicts; "" is scales.Whole.
	Effort scales.Effort
	// Correction calibrates the probabilities at native resolution.
	Correction picture.Correction
	// WholeFrame disables the search for the exposed field.
	WholeFrame bool
}

// DefaultMinimumIsland is the default of Config.MinimumIsland.
const DefaultMinimumIsland = 0.0005

func (c Config) minimumIsland() float64 {
	if c.MinimumIsland == 0 {
		return DefaultMinimumIsland
	}
	return max(0, c.MinimumIsland)
}

// leastIsland is the smallest area of an island that is kept in an image of n pixels.
func (c Config) leastIsland(n int) int { return int(c.minimumIsland() * float64(n)) }

// Digest is the SHA-256, hexadecimal, of everything in c that can change a result, except
// Correction, which the model's digest covers; default values are filled in. It is computed
// from the JSON of digested.
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
	if err != nil {           // NaN or infinite: JSON has no value for it
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// digested is the contents of a Config's digest. Names and order must not change: another
// digest for the same settings would make new results of images that have some.
type digested struct {
	SoftTissueThreshold           float64
	SoftTissueThresholdByBodyPart map[string]float64
	MinimumIsland                 float64
	Guided                        *picture.GuidedFilter `json:",omitempty"`
	WholeFrame                    bool
	Effort                        scales.Effort `json:",omitempty"` // absent for scales.Whole, for compatibility
}

// Probabilities upsamples the network's prediction m to the picture pix (Rows×Columns).
// Refinement is limited to field; nil is everything. It panics at other sizes.
func (c Config) Probabilities(m picture.Map, pix []float32, field picture.Mask) *picture.Upsampler {
	if c.Guided == nil {
		return m.Upsampler().Corrected(c.Correction)
	}
	return c.Guided.Refine(m, pix, field).Corrected(c.Correction)
}

// Label is the class of each pixel, as Pipeline.Run computes it from the network's prediction m
// for a picture pix (Rows×Columns) that is exposed everywhere; small islands are removed too.
// It panics at other sizes.
func (c Config) Label(m picture.Map, pix []float32) []uint8 {
	label := c.Probabilities(m, pix, nil).Labels(nil, nil)
	picture.RemoveIslands(label, m.Rows, m.Columns, c.leastIsland(len(label)))
	return label
}
