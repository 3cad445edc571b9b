package decode

import (
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Values returns the value of an attribute as the parsing library has it, nil if absent.
func (m *Image) Values(t tag.Tag) any {
	e, err := m.Dataset.FindElementByTag(t)
	if err != nil || e.Value == nil {
		return nil
	}
	return e.Value.GetValue()
}

// Text returns the first value of a string attribute, trimmed, in upper case; "" if absent.
func (m *Image) Text(t tag.Tag) string {
	s, ok := m.Values(t).([]string)
	if !ok || len(s) == 0 {
		return ""
	}
	return strings.ToUpper(strings.Trim(s[0], " \x00"))
}

// Integers returns the values of an integer or integer string attribute; nil if it is absent or
// not an integer.
func (m *Image) Integers(t tag.Tag) []int {
	switch v := m.Values(t).(type) {
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

// Number returns the first value of a decimal string attribute, or otherwise if there is none.
func (m *Image) Number(t tag.Tag, otherwise float64) float64 {
	f, err := strconv.ParseFloat(m.Text(t), 64)
	if err != nil || f != f || f > 1e12 || f < -1e12 {
		return otherwise
	}
	return f
}

// Items returns the items of a sequence attribute.
func (m *Image) Items(t tag.Tag) []*dicom.Dataset {
	seq, _ := m.Values(t).([]*dicom.SequenceItemValue)
	var out []*dicom.Dataset
	for _, it := range seq {
		if e, ok := it.GetValue().([]*dicom.Element); ok {
			out = append(out, &dicom.Dataset{Elements: e})
		}
	}
	return out
}

var tagBodyPartExamined = tag.Tag{Group: 0x0018, Element: 0x0015} // the parsing library does not define it

// BodyPart returns Body Part Examined (0018,0015) in upper case, "" if absent.
func (m *Image) BodyPart() string { return m.Text(tagBodyPartExamined) }
