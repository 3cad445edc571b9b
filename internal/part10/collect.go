package part10

import (
	"slices"
	"strings"
)

const (
	maxValue = 256     // bytes of a collected value
	maxOrder = 1 << 14 // tags of the top level that are tracked
)

// field returns the field for the value of t, nil if it is not collected.
func (h *Header) field(t Tag) *string {
	switch t {
	case 0x00080016:
		return &h.SOPClassUID
	case 0x00080018:
		return &h.SOPInstanceUID
	case 0x00080050:
		return &h.AccessionNumber
	case 0x00080060:
		return &h.Modality
	case 0x00081010:
		return &h.StationName
	case 0x00180015:
		return &h.BodyPartExamined
	case 0x0020000D:
		return &h.StudyInstanceUID
	case 0x0020000E:
		return &h.SeriesInstanceUID
	}
	return nil
}

// uidAttribute lists the collected attributes that are UIDs (PS3.6: UI).
var uidAttribute = map[Tag]bool{0x00080016: true, 0x00080018: true, 0x0020000D: true, 0x0020000E: true}

// identified reports whether all UIDs that identify an object are present.
func (h *Header) identified() bool {
	return h.SOPClassUID != "" && h.SOPInstanceUID != "" && h.StudyInstanceUID != "" && h.SeriesInstanceUID != ""
}

// collect stores the value of el without padding (PS3.5 6.2). Two different values of a UID are
// an error; of other attributes the first value is used, as in DCMTK.
func (k *walker) collect(field *string, el element) error {
	isUID := uidAttribute[el.tag]
	if el.length > maxValue {
		if isUID {
			return el.fail("value of %d bytes, want at most %d", el.length, maxValue)
		}
		k.header.Forgiven.add(LongValue, el.tag)
	}
	b := k.look(int64(min(el.length, maxValue)))
	value := strings.Map(printable, strings.Trim(string(b), " \x00"))
	switch {
	case !el.repeated:
		*field = value
	case isUID && *field != value:
		return el.fail("occurs twice with different values")
	}
	return nil
}

// printable replaces characters that the default repertoire does not print (PS3.5 6.1.2.1), so
// that a collected value can be shown anywhere.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// pixelAttribute lists the attributes of the pixels' size and format (PS3.6: US, VM 1).
var pixelAttribute = map[Tag]bool{
	0x00280002: true, 0x00280010: true, 0x00280011: true,
	0x00280100: true, 0x00280101: true, 0x00280102: true, 0x00280103: true,
}

// checkPixelAttribute accepts one number of two bytes. It also accepts four bytes with VR UL,
// SL, UN, an unknown VR or none, and text with VR IS or DS.
func (k *walker) checkPixelAttribute(el element) error {
	wide := el.length == 4 && (el.otherVR || el.vr == "UL" || el.vr == "SL" || el.vr == "UN" || el.vr == "")
	text := (el.vr == "IS" || el.vr == "DS") && el.length > 0 && el.length <= 16
	if el.length != 2 && !wide && !text {
		return el.fail("want 2 bytes, have %d", el.length)
	}
	if wide || text || el.vr != "US" && el.vr != "" {
		k.header.Forgiven.add(PixelVR, el.tag)
	}
	return nil
}

// order tracks the tags of the top level. They ascend (PS3.5 7.1), so the last one is usually
// sufficient.
type order struct {
	ascending []Tag
	late      map[Tag]bool
}

// add reports whether t is repeated, or late: new, but after a greater tag.
func (o *order) add(t Tag) (repeated, late bool) {
	n := len(o.ascending)
	if n == 0 || t > o.ascending[n-1] {
		if n < maxOrder {
			o.ascending = append(o.ascending, t)
		}
		return false, false
	}
	if _, found := slices.BinarySearch(o.ascending, t); found || o.late[t] {
		return true, false
	}
	if o.late == nil {
		o.late = map[Tag]bool{}
	}
	if len(o.late) < maxOrder {
		o.late[t] = true
	}
	return false, true
}
