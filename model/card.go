package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dicomnode/internal/threshold"
)

// Notice is the notice in every card.
const Notice = "not for diagnostic use"

// Card describes a model: its training data, its scores and its licence. It is the JSON under
// the key "card" of a bundle's metadata.
type Card struct {
	Name         string       `json:"name"`         // at most 64 characters; the SEG names it
	Version      string       `json:"version"`      // at most 64 characters; the SEG names it
	Architecture string       `json:"architecture"` // one of Architectures
	Width        int          `json:"width"`
	Target       Target       `json:"target,omitempty"`
	Classes      []string     `json:"classes"`
	Input        Input        `json:"input"`
	Average      string       `json:"average,omitempty"` // "" or AverageMirrors
	Training     Training     `json:"training"`
	Calibration  *Calibration `json:"calibration,omitempty"` // nil: none
	Metrics      []Metric     `json:"metrics"`
	SoftTissue   Thresholds   `json:"soft_tissue,omitzero"` // of Regions alone
	Licence      string       `json:"licence"`
	Attributions []string     `json:"attributions"`
	Notice       string       `json:"notice"`
}

// Input describes the required input of the network.
type Input struct {
	Rows          int    `json:"rows"`
	Columns       int    `json:"columns"`
	Polarity      string `json:"polarity"`
	Normalisation string `json:"normalisation"`
}

// CanonicalInput is the only allowed input.
func CanonicalInput() Input {
	return Input{Rows: Size, Columns: Size, Polarity: "open beam bright, bone dark",
		Normalisation: "subtract the mean, divide by the greatest magnitude"}
}

// Training describes the origin of the weights.
type Training struct {
	Description string `json:"description"`
	// Digest is the SHA-256 of the training data set's listing, in hexadecimal;
	// empty for weights that were never trained.
	Digest  string `json:"digest,omitempty"`
	Images  int    `json:"images"`
	Command string `json:"command,omitempty"` // command that repeats the training
	Seed    uint64 `json:"seed"`
	// Simulators are the versions of the simulator that made the images, ascending; none for
	// other images, and in older cards.
	Simulators []int `json:"simulators,omitempty"`
}

// Calibration describes on which labelled images the probabilities were calibrated, and how:
// the network's logits z became Scale·z + Shift.
type Calibration struct {
	Digest string    `json:"digest"` // SHA-256 of the data set's listing, in hexadecimal
	Images int       `json:"images"`
	Scale  float64   `json:"scale"`
	Shift  []float64 `json:"shift"` // by class
	// Efforts are calibrations of predictions for several parts of an image; they are not
	// folded into the weights.
	Efforts []EffortCalibration `json:"efforts,omitempty"`
}

// EffortCalibration calibrates the probabilities of an effort (package scales): their
// logarithms z become Scale·z + Shift, normalised.
type EffortCalibration struct {
	Effort string    `json:"effort"`           // one of Efforts, "" is the whole picture alone
	At     string    `json:"at"`               // one of Places
	Refine string    `json:"refine,omitempty"` // of AtNative, one of Refinements
	Scale  float64   `json:"scale"`            // above 0
	Shift  []float64 `json:"shift"`            // by class
}

// check refuses an invalid calibration.
func (e EffortCalibration) check() error {
	switch {
	case !slices.Contains(Efforts(), e.Effort), !slices.Contains(Places(), e.At),
		e.At == AtNative && !slices.Contains(Refinements(), e.Refine), e.At == AtNetwork && e.Refine != "":
		return fmt.Errorf("check card: calibration of effort %.20q at %.20q with refinement %.20q", e.Effort, e.At, e.Refine)
	case !(e.Scale > 0 && e.Scale < 100), len(e.Shift) != numClasses, slices.ContainsFunc(e.Shift, func(v float64) bool { return !(v > -100 && v < 100) }):
		return fmt.Errorf("check card: calibration of effort %.20q scales by %v and shifts by %.100v", e.Effort, e.Scale, e.Shift)
	}
	return nil
}

// Of is the calibration of an effort at a place; false if there is none.
func (c *Calibration) Of(effort, at, refine string) (EffortCalibration, bool) {
	if c == nil {
		return EffortCalibration{}, false
	}
	if at == AtNetwork {
		refine = ""
	}
	i := slices.IndexFunc(c.Efforts, func(e EffortCalibration) bool { return e.Effort == effort && e.At == at && e.Refine == refine })
	if i < 0 {
		return EffortCalibration{}, false
	}
	return c.Efforts[i], true
}

// Metric is a score and the command that prints it.
type Metric struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Data    string  `json:"data"`
	Command string  `json:"command"`
}

// Limits on a card from a file.
const (
	maxCard = 1 << 20 // bytes of JSON
	maxLO   = 64      // characters, PS3.5 Table 6.2-1, LO
)

// Network is the network to which the weights belong.
func (c Card) Network() Network { return Network{c.Architecture, c.Width} }

// Complete sets the fields that are the same for every card of a network.
func (c Card) Complete(n Network) Card {
	c.Architecture, c.Width, c.Classes = n.Architecture, n.Width, c.Target.Classes()
	c.Input, c.Notice = CanonicalInput(), Notice
	if c.SoftTissue.Threshold == 0 && c.Target == Regions {
		c.SoftTissue.Threshold = threshold.Default
	}
	return c
}

// Check refuses a card that does not name its model or requires something that this program
// does not support.
func (c Card) Check() error {
	if err := c.Network().Check(); err != nil {
		return fmt.Errorf("check card: %w", err)
	}
	if err := c.Target.Check(); err != nil {
		return fmt.Errorf("check card: %w", err)
	}
	switch {
	case !lo(c.Name) || !lo(c.Version):
		return fmt.Errorf("check card: name and version must be 1 to %d printable characters without backslash", maxLO)
	case !slices.Equal(c.Classes, c.Target.Classes()):
		return fmt.Errorf("check card: classes are %.80q, want %q", c.Classes, c.Target.Classes())
	case c.Input != CanonicalInput():
		return fmt.Errorf("check card: input is %.200q, want %q", fmt.Sprint(c.Input), fmt.Sprint(CanonicalInput()))
	case c.Average != "" && c.Average != AverageMirrors:
		return fmt.Errorf("check card: average is %.40q, want %q or nothing", c.Average, AverageMirrors)
	case c.Notice != Notice:
		return fmt.Errorf("check card: notice is %.40q, want %q", c.Notice, Notice)
	case c.Licence == "":
		return errors.New("check card: licence is empty")
	}
	if c.Calibration != nil && len(c.Calibration.Shift) != numClasses {
		return fmt.Errorf("check card: calibration shifts %d classes, want %d", len(c.Calibration.Shift), numClasses)
	}
	if c.Calibration != nil {
		for _, e := range c.Calibration.Efforts {
			if err := e.check(); err != nil {
				return err
			}
		}
	}
	if c.Target != Regions {
		return c.checkField()
	}
	return c.SoftTissue.check()
}

// checkField refuses fields that only a model of regions has.
func (c Card) checkField() error {
	if c.SoftTissue.Threshold != 0 || c.SoftTissue.ByBodyPart != nil || c.SoftTissue.Chosen != nil {
		return errors.New("check card: a model of the exposed field has no soft tissue thresholds")
	}
	return nil
}

// lo reports whether s fits a Long String (PS3.5 Table 6.2-1).
func lo(s string) bool {
	n := utf8.RuneCountInString(s)
	bad := func(r rune) bool { return r == '\\' || !unicode.IsPrint(r) }
	return n > 0 && n <= maxLO && utf8.ValidString(s) && !strings.ContainsFunc(s, bad) && strings.TrimSpace(s) == s
}

// encode writes the card's JSON.
func (c Card) encode() (string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write card: %w", err)
	}
	return string(data), nil
}

// parseCard reads a card strictly: a field this program does not know may change
// what the others mean.
func parseCard(text string) (Card, error) {
	var c Card
	if text == "" {
		return c, errors.New("read card: the model has none")
	}
	if len(text) > maxCard {
		return c, fmt.Errorf("read card: %d bytes, at most %d", len(text), maxCard)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("read card: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("read card: something follows the card")
	}
	return c, c.Check()
}
