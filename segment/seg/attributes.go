package seg

import (
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// attributes gives access to parsed elements; what is absent or of another type is
// empty.
type attributes []*dicom.Element

func (a attributes) value(t tag.Tag) any {
	for _, e := range a {
		if e != nil && e.Tag == t && e.Value != nil {
			return e.Value.GetValue()
		}
	}
	return nil
}

func (a attributes) items(t tag.Tag) (out []attributes) {
	items, _ := a.value(t).([]*dicom.SequenceItemValue)
	for _, it := range items {
		if elements, ok := it.GetValue().([]*dicom.Element); ok {
			out = append(out, elements)
		}
	}
	return out
}

func (a attributes) text(t tag.Tag) string {
	v, _ := a.value(t).([]string)
	if len(v) == 0 {
		return ""
	}
	return strings.Trim(v[0], " \x00")
}

func (a attributes) number(t tag.Tag) int {
	v, _ := a.value(t).([]int)
	if len(v) == 0 {
		return 0
	}
	return v[0]
}
