package model

import (
	"errors"
	"fmt"
)

// Target is the meaning of a model's three outputs.
type Target string

const (
	// Regions are open beam, soft tissue and bone.
	Regions Target = ""
	// Field are the unexposed part of the picture, which the beam did not reach or something
	// drawn hides, and the exposed field as open beam and attenuated.
	Field Target = "field"
)

// ErrTarget means that a model has another target than required.
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

// String describes the target.
func (t Target) String() string {
	if t == Field {
		return "the exposed field"
	}
	return "open beam, soft tissue and bone"
}
