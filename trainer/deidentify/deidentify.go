// Package deidentify removes from a DICOM object what identifies a patient, by the rules of
// PS3.15 Annex E: the Basic Application Level Confidentiality Profile with options and, for
// training sets, an additional allow-list that keeps only attributes that the pixels need. The
// rules are in package profile. This package applies them at every level of an object, and
// makes pseudonyms, UIDs and dates that are consistent in all objects of one key.
//
// It does not examine pixels (package burned does), but removes what Pixel Data has beside them
// (package pixels). It records the de-identification in an
// object (PS3.3 C.12.1.1.1, 0012,0062 to 0064) only when [Deidentifier.Claim] is called, after
// the leak check.
package deidentify

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/pixels"
	"dicomnode/trainer/deidentify/profile"
)

// ErrRefused says that an object cannot be de-identified, because the meaning of its attributes
// is not known here.
var ErrRefused = errors.New("refused")

// Options configure the de-identification.
type Options struct {
	Key Key
	// Basic applies only Table E.1-1, without the allow-list for training sets.
	Basic bool
	// Retain are options of PS3.15 E.3: Patient, Device, Institution, UIDs, FullDates,
	// ModifiedDates (dates are shifted by the same number of days in all objects of a patient),
	// Descriptors (texts in Approved are kept), SafePrivate (of [profile.SafePrivateVR]) and
	// Graphics (overlays are in the Result, for [Deidentifier.KeepGraphics]). Structured
	// content is always cleaned.
	Retain []profile.Option
	// Approved are texts that may stay: descriptions that a person has reviewed.
	Approved map[string]bool
	// IgnoreIssuer treats equal Patient IDs of different issuers as the same patient.
	IgnoreIssuer bool
	// SameAs maps a Patient ID, trimmed and in upper case, to another ID of the same patient.
	SameAs map[string]string
	// Version is the version of this program, for De-identification Method (0012,0063).
	Version string
}

// Deidentifier de-identifies objects. It may be used concurrently.
type Deidentifier struct {
	Options
	options []profile.Option
}

// New checks the options and returns a Deidentifier.
func New(o Options) (*Deidentifier, error) {
	for _, r := range o.Retain {
		switch r {
		case profile.Patient, profile.Device, profile.Institution, profile.UIDs, profile.FullDates, profile.ModifiedDates, profile.Descriptors,
			profile.SafePrivate, profile.Graphics:
		default:
			return nil, fmt.Errorf("option %q of PS3.15 E.3 is not offered", r)
		}
	}
	if slices.Contains(o.Retain, profile.FullDates) && slices.Contains(o.Retain, profile.ModifiedDates) {
		return nil, errors.New("dates are either kept or shifted")
	}
	// Private attributes and graphics are not handled by rows of the table: see private and
	// KeepGraphics.
	options := slices.DeleteFunc(slices.Clone(o.Retain), func(r profile.Option) bool { return r == profile.SafePrivate || r == profile.Graphics })
	return &Deidentifier{Options: o, options: append(options, profile.Structured)}, nil
}

// Original is a value of an object that must not be found in its de-identified copy, because it
// was removed, replaced or shifted.
type Original struct {
	Tag     part10.Tag
	Keyword string
	VR      string
	Text    string // in UTF-8 if it is text
	Raw     []byte // as encoded in the file
}

// Result is a de-identified object before Claim.
type Result struct {
	Object *object.Object
	Kind   profile.Kind
	// Patient is the pseudonym. PatientKey is the identifier from which it was made.
	Patient, PatientKey string
	// NoPatientID says that the object has no Patient ID: its study identifies the patient.
	NoPatientID bool
	Originals   []Original
	// Made are the pseudonyms in Object other than Patient and UIDs.
	Made []string
	// Graphics are the overlays of the object if the option retains them. Their texts are
	// removed, their graphics are unchanged. They are not in Object.
	Graphics []Overlay
	// Unclean says that Pixel Data may have more than pixels, such as a comment, and could not be
	// rewritten without it: the caller stores its samples anew, or does not export the object.
	Unclean bool
	// Swept are the attributes that Sweep removed.
	Swept   []part10.Tag
	options []profile.Option // the applied options
}

// Object returns a de-identified copy of o. It returns an error that wraps ErrRefused if the
// SOP class is not supported.
func (d *Deidentifier) Object(o *object.Object) (*Result, error) {
	class := o.First(0x00080016)
	kind, known := profile.Supported[class]
	if !known {
		return nil, fmt.Errorf("%w: %s", ErrRefused, UnknownClass(class))
	}
	for _, t := range []part10.Tag{0x00080018, 0x0020000D, 0x0020000E} {
		if !usable(o.First(t)) {
			return nil, fmt.Errorf("%w: no usable %v", ErrRefused, t)
		}
	}
	r := &run{d: d, kind: kind, Result: Result{Kind: kind}}
	r.PatientKey, r.NoPatientID = d.patientKey(o)
	r.Patient = d.Key.Patient(r.PatientKey)
	r.days = d.Key.days(r.PatientKey)
	r.characteristics = o.Find(tagCharacteristics)
	if retains(d.Retain, profile.Graphics) {
		r.Graphics = overlays(o.Set)
	}
	r.preamble(o)
	r.Result.Object = &object.Object{Meta: &object.Set{}, TransferSyntaxUID: o.TransferSyntaxUID, Set: r.set(o.Set, nil, false)}
	r.finish(o)
	r.Unclean = !pixels.Clean(r.Result.Object, o)
	return &r.Result, nil
}

// usable reports whether a UID can serve as a key. Leading zeros of components, which the
// standard forbids but equipment writes, are accepted.
func usable(s string) bool {
	return s != "" && len(s) <= uid.MaxLength && strings.Trim(s, "0123456789.") == ""
}

func safeUID(s string) string {
	if usable(s) {
		return s
	}
	return "without a valid UID"
}

// UnknownClass returns the reason for which objects of a SOP class are refused.
func UnknownClass(class string) string {
	return "SOP class " + safeUID(class) + " is not one of those whose attributes are known"
}

// run is the de-identification of one object.
type run struct {
	Result
	d    *Deidentifier
	kind profile.Kind
	days int
	// characteristics is (0008,0300), nil if absent.
	characteristics *object.Element
}

// preamble records the values before the data set as removed, because all of them are written
// anew.
func (r *run) preamble(o *object.Object) {
	for _, e := range o.Meta.Elements {
		if e.Tag != 0x00020010 && e.Tag != 0x00020002 && e.Tag != 0x00020012 && e.Tag != 0x00020013 {
			r.gone(o.Meta, e)
		}
	}
}

// set returns s de-identified. With blank every value is replaced by a dummy.
func (r *run) set(s *object.Set, path []part10.Tag, blank bool) *object.Set {
	out := &object.Set{Charset: s.Charset}
	private := map[part10.Tag]string{}
	if !blank {
		private = r.private(s)
	}
	for _, e := range s.Elements {
		if vr := private[e.Tag]; vr != "" {
			out.Elements = append(out.Elements, &object.Element{Tag: e.Tag, VR: vr, Value: e.Value})
			r.applied(profile.SafePrivate)
			continue
		}
		if len(path) == 0 && holds(r.Graphics, e) {
			continue // kept separately
		}
		action := profile.Dummy
		if !blank {
			action = r.action(s, e, path)
		}
		if kept := r.apply(action, s, e, path, blank); kept != nil {
			out.Elements = append(out.Elements, kept)
		}
	}
	return out
}

// action returns the action for e, an element of s.
func (r *run) action(s *object.Set, e *object.Element, path []part10.Tag) profile.Action {
	if e.Tag>>16 < 8 || uint16(e.Tag) == 0 || e.Tag>>16&1 == 1 || e.Tag>>16&0xFF01 == 0x6000 || e.Tag>>16&0xFF01 == 0x5000 {
		return profile.Remove // command and file groups, group lengths, private, overlays and curves
	}
	kind := r.kind.Type(path, e.Tag)
	if row := profile.Find(e.Tag); row != nil {
		return r.byTable(row, kind, s, e)
	}
	switch {
	case object.VR(e.Tag, false) == "":
		return profile.Remove // not in PS3.6, so its content is unknown
	case r.d.Basic:
		return profile.Keep
	case profile.TrainingSet(e.Tag) && r.permitted(s, e):
		return profile.Keep
	}
	return unwanted(kind)
}

// unwanted returns the action for an attribute that a training set does not keep: remove,
// unless the object requires the attribute.
func unwanted(kind string) profile.Action {
	if kind == "?" || strings.HasSuffix(kind, "U") {
		return profile.Remove
	}
	return profile.Resolve("X/Z/D", kind)
}

// byTable returns the action of a row of Table E.1-1 for an attribute of the given type.
func (r *run) byTable(row *profile.Row, kind string, s *object.Set, e *object.Element) profile.Action {
	action, option := row.Action(r.d.options)
	if action == profile.Clean && !r.cleanable(option, s, e) {
		action, option = row.Basic, ""
	}
	if option != "" {
		r.applied(option)
		return action
	}
	if row.Basic == "X/Z/U*" && !r.kind.Picture {
		return profile.UID // a segmentation or report must still refer to its image
	}
	if !r.d.Basic && !profile.TrainingSet(e.Tag) && e.Tag != tagPatientName && e.Tag != tagPatientID {
		return unwanted(kind)
	}
	return profile.Resolve(action, kind)
}

// cleanable reports whether apply can clean a value under the option.
func (r *run) cleanable(option profile.Option, s *object.Set, e *object.Element) bool {
	switch option {
	case profile.Structured:
		return e.VR == "SQ"
	case profile.ModifiedDates:
		return temporal[e.VR] != nil && all(s.TextOf(e), temporal[e.VR].MatchString)
	}
	return e.VR != "SQ" && r.approved(s, e)
}

// temporal are the formats (PS3.5 6.2) of dates, which are shifted, and of times and offsets
// from UTC, which stay.
var temporal = map[string]*regexp.Regexp{
	"DA": regexp.MustCompile(`^(\d{8}(-\d{8})?)?$`), "DT": regexp.MustCompile(`^(\d{4}|\d{6}|\d{8,14}(\.\d{1,6})?)?([+-]\d{4})?$`),
	"TM": regexp.MustCompile(`^(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?$`), "SH": regexp.MustCompile(`^([+-]\d{4})?$`),
}

// approved reports whether every value of e is an approved text.
func (r *run) approved(s *object.Set, e *object.Element) bool {
	for _, v := range s.TextOf(e) {
		if v != "" && !r.d.Approved[v] && !profile.Wording(v) && !profile.Term(v) {
			return false
		}
	}
	return object.Character(e.VR)
}

func (r *run) applied(o profile.Option) {
	if !slices.Contains(r.options, o) {
		r.options = append(r.options, o)
	}
}

// gone records the values of an element as removed or replaced.
func (r *run) gone(s *object.Set, e *object.Element) {
	for _, item := range e.Items {
		for _, inner := range item.Elements {
			r.gone(item, inner)
		}
	}
	if len(e.Items) > 0 || len(e.Value) == 0 {
		return
	}
	o := Original{Tag: e.Tag, Keyword: keyword(e.Tag), VR: e.VR, Raw: e.Value}
	for _, v := range s.TextOf(e) {
		o.Text = v
		r.Originals = append(r.Originals, o)
	}
	if !object.Character(e.VR) {
		r.Originals = append(r.Originals, o)
	}
}

func keyword(t part10.Tag) string {
	if row := profile.Find(t); row != nil {
		return row.Keyword
	}
	if _, word, ok := strings.Cut(t.String(), " "); ok {
		return word
	}
	return t.String()
}
