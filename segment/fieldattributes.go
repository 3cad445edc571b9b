package segment

import (
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// maskByAttributes clears what lies outside a rectangular shutter (PS3.3 C.7.6.11) or
// collimator (C.8.7.3); edges are 1-based rows and columns and belong to the outside.
func (m *Image) maskByAttributes(field Mask) bool {
	top, left, bottom, right := 0, 0, m.Rows, m.Columns
	found := false
	for _, shape := range []uint16{0x1600, 0x1700} {
		edge := func(element uint16, otherwise int) int {
			if v := m.integers(tag.Tag{Group: 0x0018, Element: shape + element}); len(v) == 1 {
				return v[0]
			}
			return otherwise
		}
		kinds, _ := m.values(tag.Tag{Group: 0x0018, Element: shape}).([]string)
		if !slices.Contains(kinds, "RECTANGULAR") {
			continue
		}
		found = true
		left, right = max(left, edge(2, 0)), min(right, edge(4, m.Columns+1)-1)
		top, bottom = max(top, edge(6, 0)), min(bottom, edge(8, m.Rows+1)-1)
	}
	kept := float64(max(0, bottom-top)) * float64(max(0, right-left)) / float64(len(field))
	if !found || kept < leastField || kept == 1 {
		return false
	}
	for i := range field {
		r, k := i/m.Columns, i%m.Columns
		field[i] = r >= top && r < bottom && k >= left && k < right
	}
	return true
}
