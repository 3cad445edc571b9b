// Package object represents a DICOM object in memory as a tree, so that values at any depth can
// be examined, changed or removed, and writes it as a new Part 10 file. It reads with
// internal/part10 and decodes text with internal/charset. In addition it parses values of VR UN
// that contain items (PS3.5 6.2.2). It never decodes pixel data and does not know modules or
// meanings of attributes.
package object

import (
	"errors"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/charset"
	"dicomnode/internal/part10"
)

// Tags of items and delimiters.
const (
	tagItem                 part10.Tag = 0xFFFEE000
	tagSequenceDelimitation part10.Tag = 0xFFFEE0DD
	// PixelData is (7FE0,0010).
	PixelData part10.Tag = 0x7FE00010

	tagSpecificCharacterSet part10.Tag = 0x00080005
	tagPixelRepresentation  part10.Tag = 0x00280103
)

// ErrMalformed says that the structure of an object is invalid (PS3.5 section 7).
var ErrMalformed = errors.New("malformed DICOM object")

// Object is a Part 10 file: file meta information (PS3.10 7.1) and data set.
type Object struct {
	Meta              *Set
	TransferSyntaxUID string // as stored
	*Set
}

// Set is a data set or an item of a sequence: elements sorted by tag.
type Set struct {
	Elements []*Element
	// Charset decodes the character values of this set (PS3.3 C.12.1.1.2). It is inherited from
	// the enclosing set.
	Charset charset.Set
}

// Element is a data element: a value, the items of a sequence, or the fragments of encapsulated
// pixel data, the first of which is the Basic Offset Table.
type Element struct {
	Tag       part10.Tag
	VR        string
	Value     []byte // little endian, with padding
	Items     []*Set // if the VR is SQ
	Fragments [][]byte
}

// Find returns the element t, nil if there is none.
func (s *Set) Find(t part10.Tag) *Element {
	i, found := s.search(t)
	if !found {
		return nil
	}
	return s.Elements[i]
}

func (s *Set) search(t part10.Tag) (int, bool) {
	return slices.BinarySearchFunc(s.Elements, t, func(e *Element, t part10.Tag) int {
		switch {
		case e.Tag < t:
			return -1
		case e.Tag > t:
			return 1
		}
		return 0
	})
}

// Put inserts e, or replaces the element with the same tag.
func (s *Set) Put(e *Element) {
	i, found := s.search(e.Tag)
	if found {
		s.Elements[i] = e
		return
	}
	s.Elements = slices.Insert(s.Elements, i, e)
}

// PutText sets a character value, padded to an even length as required for its VR (PS3.5 6.2).
func (s *Set) PutText(t part10.Tag, vr string, values ...string) {
	s.Put(&Element{Tag: t, VR: vr, Value: Text(vr, values...)})
}

// Text encodes values of a character VR (PS3.5 6.2, 6.4).
func Text(vr string, values ...string) []byte {
	b := []byte(strings.Join(values, `\`))
	if len(b)%2 == 1 {
		pad := byte(' ')
		if vr == "UI" {
			pad = 0
		}
		b = append(b, pad)
	}
	return b
}

// Text returns the values of t in UTF-8 without padding, nil if there is no such character
// value.
func (s *Set) Text(t part10.Tag) []string {
	e := s.Find(t)
	if e == nil {
		return nil
	}
	return s.TextOf(e)
}

// First returns the first value of t, "" if there is none.
func (s *Set) First(t part10.Tag) string {
	if v := s.Text(t); len(v) > 0 {
		return v[0]
	}
	return ""
}

// TextOf decodes the character values of e, an element of s.
func (s *Set) TextOf(e *Element) []string {
	if !Character(e.VR) || len(e.Value) == 0 {
		return nil
	}
	text := s.decode(e.VR, e.Value)
	if e.VR == "LT" || e.VR == "ST" || e.VR == "UT" || e.VR == "UR" { // PS3.5 6.2: a single value, which may contain a backslash
		return []string{strings.TrimRight(text, " \x00")}
	}
	values := strings.Split(text, `\`)
	for i, v := range values {
		values[i] = strings.Trim(v, " \x00")
	}
	return values
}

// decode returns value in UTF-8; it returns undecodable values unchanged.
func (s *Set) decode(vr string, value []byte) string {
	if !part10.IsText(vr) {
		return string(value)
	}
	form := charset.Values
	switch vr {
	case "PN":
		form = charset.Name
	case "LT", "ST", "UT":
		form = charset.Text
	}
	text, outcome := s.Charset.Decode(value, form)
	if outcome == charset.Undecodable {
		return string(value)
	}
	return text
}

// Character reports whether values of the VR are text (PS3.5 Table 6.2-1).
func Character(vr string) bool {
	return slices.Contains([]string{"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}, vr)
}

// VR returns the value representation of t in PS3.6, "" if t is unknown. signed selects SS
// instead of US.
func VR(t part10.Tag, signed bool) string {
	if uint16(t) == 0 {
		return "UL" // group length
	}
	if g := t >> 16; g&0xFF01 == 0x6000 || g&0xFF01 == 0x5000 { // PS3.5 7.6: repeating groups
		t &= 0xFF00FFFF
		if t == 0x60003000 {
			return "OW"
		}
	}
	if t>>16&1 == 1 {
		if e := t & 0xFFFF; e >= 0x10 && e <= 0xFF { // PS3.5 7.8.1: Private Creator
			return "LO"
		}
		return ""
	}
	info, err := tag.Find(tag.Tag{Group: uint16(t >> 16), Element: uint16(t)})
	if err != nil || len(info.VRs) == 0 {
		return ""
	}
	switch {
	case slices.Contains(info.VRs, "OW"):
		return "OW"
	case slices.Contains(info.VRs, "US") && slices.Contains(info.VRs, "SS") && signed:
		return "SS"
	case slices.Contains(info.VRs, "US"):
		return "US"
	}
	return info.VRs[0]
}

// Walk calls f for each element of s and of its items, in order. path contains the tags of the
// enclosing sequences.
func (s *Set) Walk(f func(set *Set, e *Element, path []part10.Tag)) { s.walk(f, nil) }

func (s *Set) walk(f func(*Set, *Element, []part10.Tag), path []part10.Tag) {
	for _, e := range s.Elements {
		f(s, e, path)
		for _, item := range e.Items {
			item.walk(f, append(path[:len(path):len(path)], e.Tag))
		}
	}
}
