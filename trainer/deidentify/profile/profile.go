// Package profile contains the rules of PS3.15 Annex E for every attribute: the Basic
// Application Level Confidentiality Profile and its options (Table E.1-1), the attribute types
// of the supported objects (PS3.3), which resolve conditional actions, the attributes that a
// training set keeps, and the coded concepts and defined terms of the standard. It does not
// process objects.
//
// generate.py writes and checks table.csv, types.csv and codes.csv; go generate writes
// table.go.
package profile

import (
	"slices"
	"strings"

	"dicomnode/internal/part10"
)

//go:generate go run ./gen

// Edition is the edition of PS3.15 that the table follows.
const Edition = "2026c"

// Action is an action code of PS3.15 Table E.1-1a: D, Z, X, K, C, U, or a conditional one such
// as X/Z/D, which [Resolve] turns into one of these.
type Action string

// The unconditional actions.
const (
	Dummy  Action = "D" // a dummy value of the same VR
	Empty  Action = "Z" // zero length, or a dummy value
	Remove Action = "X"
	Keep   Action = "K" // unchanged; items of sequences are processed
	Clean  Action = "C" // replaced by values of similar meaning that identify nobody
	UID    Action = "U" // a new UID, the same for all occurrences of the old one
)

// Option is a column of Table E.1-1 other than the Basic Profile.
type Option string

// The options, with their codes of PS3.16 CID 7050 in [Codes].
const (
	SafePrivate   Option = "safe_private"
	UIDs          Option = "uids"
	Device        Option = "device"
	Institution   Option = "institution"
	Patient       Option = "patient"
	FullDates     Option = "full_dates"
	ModifiedDates Option = "modified_dates"
	Descriptors   Option = "descriptors"
	Structured    Option = "structured"
	Graphics      Option = "graphics"
)

// Method is a coded de-identification method of PS3.16 CID 7050.
type Method struct{ Value, Meaning string }

// Basic is the Basic Profile. PixelData is the Clean Pixel Data Option, which has no column.
var (
	Basic     = Method{"113100", "Basic Application Confidentiality Profile"}
	PixelData = Method{"113101", "Clean Pixel Data Option"}
)

// Methods are the methods of the options.
var Methods = map[Option]Method{
	Graphics:      {"113103", "Clean Graphics Option"},
	Structured:    {"113104", "Clean Structured Content Option"},
	Descriptors:   {"113105", "Clean Descriptors Option"},
	FullDates:     {"113106", "Retain Longitudinal Temporal Information Full Dates Option"},
	ModifiedDates: {"113107", "Retain Longitudinal Temporal Information Modified Dates Option"},
	Patient:       {"113108", "Retain Patient Characteristics Option"},
	Device:        {"113109", "Retain Device Identity Option"},
	UIDs:          {"113110", "Retain UIDs Option"},
	SafePrivate:   {"113111", "Retain Safe Private Option"},
	Institution:   {"113112", "Retain Institution Identity Option"},
}

// Row is a row of Table E.1-1. It applies to tags that equal Tag in the bits of Mask.
type Row struct {
	Tag, Mask part10.Tag
	Keyword   string
	// Source is the edition of the row: 2026c, or "beyond" for attributes with text that the
	// table does not list.
	Source  string
	Basic   Action
	Options map[Option]Action
}

// Rows returns the whole table.
func Rows() []Row { return slices.Clone(rows) }

var exact, masked = index()

func index() (map[part10.Tag]*Row, []*Row) {
	exact, masked := make(map[part10.Tag]*Row, len(rows)), []*Row{}
	for i := range rows {
		if rows[i].Mask == 0xFFFFFFFF {
			exact[rows[i].Tag] = &rows[i]
		} else {
			masked = append(masked, &rows[i])
		}
	}
	return exact, masked
}

// Find returns the row of an attribute, nil if the table has none.
func Find(t part10.Tag) *Row {
	if r := exact[t]; r != nil {
		return r
	}
	for _, r := range masked {
		if t&r.Mask == r.Tag {
			return r
		}
	}
	return nil
}

// Action returns the action of the row under the options, and the option that it comes from. An
// option that keeps or cleans takes precedence over the Basic Profile.
func (r *Row) Action(options []Option) (Action, Option) {
	for _, want := range []Action{Keep, Clean} {
		for _, o := range options {
			if r.Options[o] == want {
				return want, o
			}
		}
	}
	return r.Basic, ""
}

// Resolve turns a conditional action into the first of its choices that leaves an attribute of
// the given type valid (PS3.15 E.1.1): Type 1 requires a value, Type 2 may be empty, anything
// else may be removed. kind is "" for an attribute that the object does not define, which is
// removed, and "?" if the type is unknown. An attribute of a user-optional module counts as
// conditional.
func Resolve(a Action, kind string) Action {
	choices := strings.Split(strings.TrimSuffix(string(a), "*"), "/")
	if len(choices) == 1 {
		return a
	}
	prefer := map[string]string{"1": "DUZX", "1C": "DUZX", "2": "ZDUX", "2C": "ZDUX", "3": "XZDU", "": "XZDU", "?": "DUZX"}[strings.Replace(strings.Replace(kind, "CU", "U", 1), "U", "C", 1)]
	for _, want := range prefer {
		if slices.Contains(choices, string(want)) {
			return Action(want)
		}
	}
	return Remove
}
