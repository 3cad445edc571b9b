package iod

import (
	"strings"
	"unicode/utf8"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Source gives access to the data set of the image an object is derived from.
// None of its methods fails: what is absent or of another type is empty. The
// zero value is an image without attributes.
type Source struct {
	elements []*dicom.Element
	asIs     bool
}

// NewSource wraps a parsed data set, whose text is UTF-8. It does not copy it.
func NewSource(d dicom.Dataset) Source { return Source{elements: d.Elements} }

// NewSourceAsIs wraps a data set whose text nothing decodes: it is copied byte
// by byte into a data set of the same Specific Character Set.
func NewSourceAsIs(d dicom.Dataset) Source { return Source{elements: d.Elements, asIs: true} }

// Has reports whether the attribute is present, perhaps without a value.
func (s Source) Has(t tag.Tag) bool { return s.find(t) != nil }

// Strings returns the values of a character attribute as UTF-8 without padding,
// nil when it is absent, empty or not of a character VR.
func (s Source) Strings(t tag.Tag) []string {
	e := s.find(t)
	if e == nil {
		return nil
	}
	return s.stringsOf(e)
}

// String returns the first value of [Source.Strings], "" without one.
func (s Source) String(t tag.Tag) string {
	if v := s.Strings(t); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Items returns the items of a sequence.
func (s Source) Items(t tag.Tag) []Source {
	e := s.find(t)
	if e == nil || e.Value == nil {
		return nil
	}
	items, ok := e.Value.GetValue().([]*dicom.SequenceItemValue)
	if !ok {
		return nil
	}
	out := make([]Source, 0, len(items))
	for _, item := range items {
		if elements, ok := item.GetValue().([]*dicom.Element); ok {
			out = append(out, Source{elements, s.asIs})
		}
	}
	return out
}

func (s Source) find(t tag.Tag) *dicom.Element {
	for _, e := range s.elements {
		if e != nil && e.Tag == t {
			return e
		}
	}
	return nil
}

// lacks reports whether e is absent or has no value.
func (s Source) lacks(e *dicom.Element) bool {
	if e == nil || e.Value == nil {
		return true
	}
	switch v := e.Value.GetValue().(type) {
	case []string:
		return len(s.stringsOf(e)) == 0
	case []int:
		return len(v) == 0
	case []float64:
		return len(v) == 0
	case []byte:
		return len(v) == 0
	case []*dicom.SequenceItemValue:
		return len(v) == 0
	}
	return false
}

// stringsOf trims what is padding in every VR; one empty value is none.
func (s Source) stringsOf(e *dicom.Element) []string {
	values := s.rawStrings(e)
	for i, v := range values {
		values[i] = strings.Trim(v, " \x00")
	}
	if len(values) == 1 && values[0] == "" {
		return nil
	}
	return values
}

// rawStrings is stringsOf with the padding left on. Bytes that are not UTF-8,
// which only a data set has that package part10 did not read, are Latin-1.
func (s Source) rawStrings(e *dicom.Element) []string {
	if e.Value == nil {
		return nil
	}
	values, ok := e.Value.GetValue().([]string)
	if raw, isBytes := e.Value.GetValue().([]byte); isBytes && e.RawValueRepresentation == "UN" {
		values, ok = strings.Split(string(raw), `\`), true
	}
	if !ok {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		if out[i] = v; !s.asIs {
			out[i] = toUTF8(v)
		}
	}
	return out
}

func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
