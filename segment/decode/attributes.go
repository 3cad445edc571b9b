package segment

import (
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Attributes the dictionary of the parsing library has no name for are given by number.
var (
	tagBodyPartExamined   = tag.Tag{Group: 0x0018, Element: 0x0015}
	tagPresentationIntent = tag.Tag{Group: 0x0008, Element: 0x0068}
	tagPixelIntensity     = tag.Tag{Group: 0x0028, Element: 0x1040}
	tagPixelIntensitySign = tag.Tag{Group: 0x0028, Element: 0x1041}
	tagPresentationLUT    = tag.Tag{Group: 0x2050, Element: 0x0020}
)

func (m *Image) values(t tag.Tag) any {
	e, err := m.Dataset.FindElementByTag(t)
	if err != nil || e.Value == nil {
		return nil
	}
	return e.Value.GetValue()
}

// text is the first value of a string attribute, trimmed, upper case; "" when absent.
func (m *Image) text(t tag.Tag) string {
	s, ok := m.values(t).([]string)
	if !ok || len(s) == 0 {
		return ""
	}
	return strings.ToUpper(strings.Trim(s[0], " \x00"))
}

// integers are the values of an integer or integer string attribute; nil when absent
// or not integers.
func (m *Image) integers(t tag.Tag) []int {
	switch v := m.values(t).(type) {
	case []int:
		return v
	case []string:
		var out []int
		for _, s := range v {
			n, err := strconv.Atoi(strings.Trim(s, " \x00"))
			if err != nil {
				return nil
			}
			out = append(out, n)
		}
		return out
	}
	return nil
}

// number is the first value of a decimal string attribute, or otherwise.
func (m *Image) number(t tag.Tag, otherwise float64) float64 {
	f, err := strconv.ParseFloat(m.text(t), 64)
	if err != nil || f != f || f > 1e12 || f < -1e12 {
		return otherwise
	}
	return f
}

// items are the items of a sequence attribute.
func (m *Image) items(t tag.Tag) []*dicom.Dataset {
	seq, _ := m.values(t).([]*dicom.SequenceItemValue)
	var out []*dicom.Dataset
	for _, it := range seq {
		if e, ok := it.GetValue().([]*dicom.Element); ok {
			out = append(out, &dicom.Dataset{Elements: e})
		}
	}
	return out
}

// BodyPart is Body Part Examined (0018,0015), upper case, "" when absent.
func (m *Image) BodyPart() string { return m.text(tagBodyPartExamined) }
