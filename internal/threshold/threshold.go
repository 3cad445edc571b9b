// Package threshold owns the probability that a pixel must reach to count as soft
// tissue with high precision: its default, which body part it is for, and who comes
// first when a site and a model both say one. It knows no configuration file, no
// model card and no pixel.
package threshold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Default is the threshold where nobody says another: section 5.3 of the paper
// (Bullock, Cuesta-Lázaro and Quera-Bofarull, SPIE 2019).
const Default = 0.90

// Table says the threshold of each body part. The zero value says none: everything
// has the Default.
type Table struct {
	general *float64           // of body parts that byPart lacks; nil: unset
	byPart  map[string]float64 // by Body Part Examined (0018,0015), normalised
}

// Error is a threshold that cannot be.
type Error struct {
	General  bool   // it is the one in general
	BodyPart string // or else of this body part, as it was given
	Reason   string
}

// Error implements error.
func (e *Error) Error() string {
	if e.General {
		return "soft tissue threshold: " + e.Reason
	}
	return fmt.Sprintf("soft tissue threshold of %.20q: %s", e.BodyPart, e.Reason)
}

// New makes a table. general is the threshold of body parts that byPart does not
// list, nil when unset; byPart has Body Part Examined (0018,0015) in any case and
// with blanks around it. Thresholds are above 0 and at most 1. Errors are *Error.
func New(general *float64, byPart map[string]float64) (Table, error) {
	t := Table{byPart: map[string]float64{}}
	if general != nil {
		if !possible(*general) {
			return Table{}, &Error{General: true, Reason: fmt.Sprintf("%v is not above 0 and at most 1", *general)}
		}
		t.general = new(*general)
	}
	for _, part := range slices.Sorted(maps.Keys(byPart)) {
		name, v := normalise(part), byPart[part]
		_, twice := t.byPart[name]
		switch {
		case name == "":
			return Table{}, &Error{BodyPart: part, Reason: "no Body Part Examined (0018,0015)"}
		case twice:
			return Table{}, &Error{BodyPart: part, Reason: "the same body part is listed in another spelling"}
		case !possible(v):
			return Table{}, &Error{BodyPart: part, Reason: fmt.Sprintf("%v is not above 0 and at most 1", v)}
		}
		t.byPart[name] = v
	}
	return t, nil
}

// normalise is a body part as it is compared: Code Strings have no small letters, and
// blanks around them mean nothing (PS3.5 Table 6.2-1).
func normalise(part string) string { return strings.ToUpper(strings.TrimSpace(part)) }

func possible(v float64) bool { return v > 0 && v <= 1 }

// Before is t where it says something, and else what other says: t by body part, t in
// general, other by body part, other in general.
func (t Table) Before(other Table) Table {
	if t.general != nil {
		return t
	}
	both := Table{general: other.general, byPart: maps.Clone(other.byPart)}
	if both.byPart == nil {
		both.byPart = map[string]float64{}
	}
	maps.Copy(both.byPart, t.byPart)
	return both
}

// At is the threshold of a body part, as Body Part Examined (0018,0015) says it.
func (t Table) At(bodyPart string) float64 {
	if v, ok := t.byPart[normalise(bodyPart)]; ok {
		return v
	}
	return t.General()
}

// General is the threshold of body parts that have none of their own.
func (t Table) General() float64 {
	if t.general == nil {
		return Default
	}
	return *t.general
}

// Set reports whether the threshold in general was given.
func (t Table) Set() bool { return t.general != nil }

// ByBodyPart are the thresholds of body parts with their own, by normalised name; nil
// for none. The map is the caller's.
func (t Table) ByBodyPart() map[string]float64 {
	if len(t.byPart) == 0 {
		return nil
	}
	return maps.Clone(t.byPart)
}
