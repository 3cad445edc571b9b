package deidentify

import (
	"encoding/binary"
	"slices"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Private Data Element Characteristics (PS3.3 C.12.1.1.7).
const (
	tagCharacteristics part10.Tag = 0x00080300
	tagPrivateGroup    part10.Tag = 0x00080301
	tagPrivateCreator  part10.Tag = 0x00080302
	tagBlockStatus     part10.Tag = 0x00080303
	tagNonidentifying  part10.Tag = 0x00080304
)

// private returns the private elements of s that are kept, and their Private Creators (PS3.5
// 7.8.1), each with its VR. It keeps an element only under the Retain Safe Private Option
// (PS3.15 E.3.10), if its creator is present, its value is valid for the VR, and the object
// does not declare it as identifying.
func (r *run) private(s *object.Set) map[part10.Tag]string {
	if !retains(r.d.Retain, profile.SafePrivate) {
		return nil
	}
	out := map[part10.Tag]string{}
	for _, e := range s.Elements {
		group, block := uint16(e.Tag>>16), uint16(e.Tag)>>8
		if group&1 == 0 || block < 0x10 {
			continue
		}
		reserved := part10.Tag(group)<<16 | part10.Tag(block)
		creator := s.First(reserved)
		a := profile.PrivateAttribute{Creator: creator, Group: group, Element: uint8(e.Tag)}
		vr := profile.SafePrivateVR(a)
		if vr == "" || e.VR != vr && e.VR != "UN" || !numbers(vr, e.Value) || r.declared(a) {
			continue
		}
		out[e.Tag], out[reserved] = vr, "LO"
	}
	return out
}

// numbers reports whether a value consists of one or more numbers of a VR.
func numbers(vr string, value []byte) bool {
	switch size := map[string]int{"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8}[vr]; {
	case size > 0:
		return len(value) > 0 && len(value)%size == 0
	case vr == "DS" || vr == "IS":
		text := (&object.Set{}).TextOf(&object.Element{VR: vr, Value: value})
		return len(text) > 0 && all(text, decimal.MatchString)
	}
	return false
}

// declared reports whether the object declares that an attribute is or may be identifying:
// Block Identifying Information Status (0008,0303) is not SAFE, and Nonidentifying Private
// Elements (0008,0304) does not list it.
func (r *run) declared(a profile.PrivateAttribute) (unsafe bool) {
	if r.characteristics == nil {
		return false
	}
	for _, item := range r.characteristics.Items {
		group := item.Find(tagPrivateGroup)
		if group == nil || len(group.Value) != 2 || binary.LittleEndian.Uint16(group.Value) != a.Group || item.First(tagPrivateCreator) != a.Creator {
			continue
		}
		if item.First(tagBlockStatus) != "SAFE" && !lists(item.Find(tagNonidentifying), a.Element) {
			return true
		}
	}
	return false
}

// lists reports whether the values of e, of VR US, contain element.
func lists(e *object.Element, element uint8) bool {
	if e == nil {
		return false
	}
	return slices.ContainsFunc(slices.Collect(slices.Chunk(e.Value, 2)), func(b []byte) bool {
		return len(b) == 2 && binary.LittleEndian.Uint16(b) == uint16(element)
	})
}
