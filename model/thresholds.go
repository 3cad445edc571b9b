package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dicomnode/internal/threshold"
)

// Thresholds are the soft-tissue thresholds: the least probability of soft tissue with high
// precision.
type Thresholds struct {
	Threshold  float64            `json:"threshold"`
	ByBodyPart map[string]float64 `json:"by_body_part,omitempty"` // by Body Part Examined (0018,0015)
	Chosen     *Choice            `json:"chosen,omitempty"`       // nil: not measured
}

// Table is the lookup table of the thresholds.
func (s Thresholds) Table() (threshold.Table, error) {
	return threshold.New(&s.Threshold, s.ByBodyPart)
}

// Choice records how thresholds were chosen. They reach the required rate only if probabilities
// are computed in the same way.
type Choice struct {
	At                string  `json:"at"`                  // one of Places
	Refine            string  `json:"refine,omitempty"`    // of AtNative, one of Refinements
	Effort            string  `json:"effort,omitempty"`    // of the predictions; none: as the card's average says
	Weigh             string  `json:"weigh"`               // one of Weighings
	Precision         float64 `json:"precision,omitempty"` // required precision, above 0 and at most 1; 0: FalsePositiveRate is the limit
	FalsePositiveRate float64 `json:"false_positive_rate"` // 0 to 1
	Images            int     `json:"images"`
	Digest            string  `json:"digest"` // SHA-256 of the data set's listing, in hexadecimal
	// NotReached are the images on which no threshold reached what was required.
	NotReached []Missed `json:"not_reached,omitempty"`
}

// Missed is a rate that no threshold brought to what Choice requires: the one at the greatest.
type Missed struct {
	BodyPart string  `json:"body_part,omitempty"` // in capitals; none: all images
	Rate     float64 `json:"rate"`                // precision or false-positive rate, as required
}

func (m Missed) String() string {
	part := m.BodyPart
	if part == "" {
		part = "all images"
	}
	return fmt.Sprintf("%.4g %% on %s", 100*m.Rate, part)
}

// Values of Choice.
const (
	AtNative  = "native"  // native resolution, as of the masks that a node writes
	AtNetwork = "network" // the network's 200×200

	RefineNone   = "none"   // bilinear interpolation
	RefineGuided = "guided" // guided filtering

	WeighPixels = "pixels" // the pixels of all images pooled
	WeighImages = "images" // the mean of the images' rates
)

// Places are the values of Choice.At.
func Places() []string { return []string{AtNative, AtNetwork} }

// Refinements are the values of Choice.Refine, as of a node's segmentation.refine.
func Refinements() []string { return []string{RefineNone, RefineGuided} }

// Efforts are the values of Choice.Effort, as in package scales; "" is the oldest.
func Efforts() []string { return []string{"", "fast", "normal", "best", "mirrors", "wide"} }

// Weighings are the values of Choice.Weigh.
func Weighings() []string { return []string{WeighPixels, WeighImages} }

// String describes the choice.
func (c *Choice) String() string {
	place := map[string]string{AtNative: "native resolution", AtNetwork: fmt.Sprintf("the network's resolution of %d×%d", Size, Size)}[c.At]
	refined := map[string]string{RefineNone: ", interpolated", RefineGuided: ", refined by guided filtering"}[c.Refine]
	weighed := map[string]string{WeighPixels: "pixels pooled", WeighImages: "images alike"}[c.Weigh]
	wanted := fmt.Sprintf("a false-positive rate of at most %.4g %%", 100*c.FalsePositiveRate)
	if c.Precision != 0 {
		wanted = fmt.Sprintf("a precision of at least %.4g %%", 100*c.Precision)
	}
	asked := ""
	if c.Effort != "" {
		asked = ", effort " + c.Effort
	}
	return fmt.Sprintf("for %s at %s%s%s, %s, on %d images%s", wanted, place, refined, asked, weighed, c.Images, c.missed())
}

// missed says what was not reached.
func (c *Choice) missed() string {
	if len(c.NotReached) == 0 {
		return ""
	}
	list := make([]string, len(c.NotReached))
	for i, m := range c.NotReached {
		list[i] = m.String()
	}
	return "; not reached: " + strings.Join(list, ", ")
}

func (c *Choice) check() error {
	switch {
	case c == nil:
		return nil
	case !slices.Contains(Places(), c.At), !slices.Contains(Weighings(), c.Weigh):
		return fmt.Errorf("check card: soft tissue thresholds chosen at %.20q and weighed by %.20q, want one of %q and one of %q", c.At, c.Weigh, Places(), Weighings())
	case c.At == AtNative && !slices.Contains(Refinements(), c.Refine), c.At == AtNetwork && c.Refine != "":
		return fmt.Errorf("check card: soft tissue thresholds chosen at %s with refinement %.20q", c.At, c.Refine)
	case !slices.Contains(Efforts(), c.Effort):
		return fmt.Errorf("check card: soft tissue thresholds chosen with effort %.20q, want one of %q", c.Effort, Efforts())
	case !(c.Precision >= 0 && c.Precision <= 1), c.Precision != 0 && c.FalsePositiveRate != 0:
		return fmt.Errorf("check card: soft tissue thresholds chosen for a precision of %v and a false-positive rate of %v", c.Precision, c.FalsePositiveRate)
	case !(c.FalsePositiveRate >= 0 && c.FalsePositiveRate <= 1):
		return fmt.Errorf("check card: soft tissue thresholds chosen for a false-positive rate of %v", c.FalsePositiveRate)
	}
	for _, m := range c.NotReached {
		if !(m.Rate >= 0 && m.Rate <= 1) {
			return fmt.Errorf("check card: soft tissue thresholds of %.16q reached a rate of %v", m.BodyPart, m.Rate)
		}
	}
	return nil
}

func (s Thresholds) check() error {
	if _, err := s.Table(); err != nil {
		return fmt.Errorf("check card: %w", err)
	}
	if s.Threshold == 1 {
		return errors.New("check card: soft tissue threshold 1 leaves nothing")
	}
	for part, t := range s.ByBodyPart {
		if t == 1 || part != strings.ToUpper(part) {
			return fmt.Errorf("check card: soft tissue threshold %v of %.16q: want capitals and less than 1", t, part)
		}
	}
	return s.Chosen.check()
}
