package part10

import (
	"slices"
	"strings"
)

const (
	maxValue = 256     // bytes of a value that is collected
	maxOrder = 1 << 14 // tags of the top level that are remembered
)

// field is where the value of t belongs, nil when it is not collected.
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

// uidAttribute lists the values collected that identify (PS3.6: UI).
var uidAttribute = map[Tag]bool{0x00080016: true, 0x00080018: true, 0x0020000D: true, 0x0020000E: true}

// identified reports whether all that makes an object findable is there.
func (h *Header) identified() bool {
	return h.SOPClassUID != "" && h.SOPInstanceUID != "" && h.StudyInstanceUID != "" && h.SeriesInstanceUID != ""
}

// collect stores the value of el, without padding (PS3.5 6.2). An object with
// two different UIDs has no identity; of other values the first counts, as for
// DCMTK.
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

// printable keeps what the default repertoire prints (PS3.5 6.1.2.1), so that
// a collected value can be shown anywhere.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// pixelAttribute lists what gives the size of the pixels (PS3.6: US, VM 1).
var pixelAttribute = map[Tag]bool{
	0x00280002: true, 0x00280010: true, 0x00280011: true,
	0x00280100: true, 0x00280101: true, 0x00280102: true, 0x00280103: true,
}

// checkPixelAttribute: one number, of two bytes. Four bytes are taken under UL,
// SL, UN and where no VR is written; text under IS and DS.
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

// order remembers the tags of the top level. They ascend (PS3.5 7.1), so that
// nearly always only the last one matters.
type order struct {
	ascending []Tag
	late      map[Tag]bool
}

// add reports whether t occurred before, or is new but comes after a greater tag.
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
