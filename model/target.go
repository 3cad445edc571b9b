package model

import (
	"errors"
	"fmt"
)

// Target is what a model answers: what its three outputs mean.
type Target string

const (
	// Regions tells open beam, soft tissue and bone apart.
	Regions Target = ""
	// Field tells what the beam did not reach, or something drawn over the picture
	// hides, from the exposed field, where it tells the open beam from what attenuates.
	Field Target = "field"
)

// ErrTarget is a model that answers something else than what it is opened for.
var ErrTarget = errors.New("the model is for something else")

// targets lists the classes by target, in the order of the output's channels.
var targets = map[Target][]string{
	Regions: {"open beam", "soft tissue", "bone"},
	Field:   {"unexposed", "open beam", "attenuated"},
}

// Classes names the output's channels in order, as a card lists them; none for an
// unknown target.
func (t Target) Classes() []string { return targets[t] }

// Check refuses an unknown target.
func (t Target) Check() error {
	if targets[t] == nil {
		return fmt.Errorf("check target: %.40q, want %q or nothing", string(t), string(Field))
	}
	return nil
}

// String names the target in words.
func (t Target) String() string {
	if t == Field {
		return "the exposed field"
	}
	return "open beam, soft tissue and bone"
}
