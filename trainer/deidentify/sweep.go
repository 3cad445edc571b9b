package deidentify

import (
	"slices"
	"strconv"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Sweep removes kept values in which held finds a value that was removed elsewhere: equipment
// copies a Study ID to Series Number, or other identifiers to private attributes. It writes a
// number in its shortest form instead, if held finds nothing in that. UIDs are not changed,
// because they are already replaced.
func (r *Result) Sweep(held func(value []byte) bool) {
	r.sweep(r.Object.Set, nil, held)
}

func (r *Result) sweep(s *object.Set, path []part10.Tag, held func([]byte) bool) {
	for _, e := range slices.Clone(s.Elements) {
		for _, item := range e.Items {
			r.sweep(item, append(path[:len(path):len(path)], e.Tag), held)
		}
		if !object.Character(e.VR) || e.VR == "UI" || !held(e.Value) {
			continue
		}
		if short := shortest(s, e); short != nil && !held(short) {
			s.Put(&object.Element{Tag: e.Tag, VR: e.VR, Value: short})
			continue
		}
		r.Swept = append(r.Swept, e.Tag)
		switch unwanted(r.Kind.Type(path, e.Tag)) {
		case profile.Remove:
			s.Elements = slices.DeleteFunc(s.Elements, func(have *object.Element) bool { return have == e })
		case profile.Empty:
			s.Put(&object.Element{Tag: e.Tag, VR: e.VR})
		default:
			s.Put(&object.Element{Tag: e.Tag, VR: e.VR, Value: []byte(dummies[e.VR])})
		}
	}
}

// shortest returns the value of e, of VR DS or IS, with every number in its shortest form; nil
// if a value is not a number.
func shortest(s *object.Set, e *object.Element) []byte {
	if e.VR != "DS" && e.VR != "IS" {
		return nil
	}
	values := s.TextOf(e)
	for i, v := range values {
		x, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return nil
		}
		values[i] = strconv.FormatFloat(x, 'f', -1, 64)
		if len(values[i]) > 16 { // PS3.5 6.2: the limit of a DS
			return nil
		}
	}
	return object.Text(e.VR, values...)
}
