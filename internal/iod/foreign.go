package iod

import (
	"strings"
	"unicode/utf8"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
)

// characterSetOf gives d the Specific Character Set of s where nothing decodes
// the text of s. It is copied as it stands, and a data set has one character
// set: what d says itself is then written in ASCII, which all of them contain.
func (d *DataSet) characterSetOf(s Source) {
	if !s.asIs {
		return
	}
	d.foreign = true
	trial := &DataSet{raw: true}
	trial.text(tag.SpecificCharacterSet, s.Strings(tag.SpecificCharacterSet), true)
	if trial.err != nil {
		d.fail(tag.SpecificCharacterSet, trial.err)
		return
	}
	d.set(trial.elements[0])
}

// fold turns all text of d that is not copied into ASCII.
func (d *DataSet) fold() {
	for i := range d.elements {
		e := &d.elements[i]
		for _, item := range e.items {
			item.fold()
		}
		if !e.raw && part10.IsText(e.vr) {
			e.value = ascii(e.value)
		}
	}
}

// ascii is UTF-8 text of even length with a question mark for each character
// that is not ASCII.
func ascii(b []byte) []byte {
	text := strings.TrimRight(strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, string(b)), " ")
	if len(text)%2 == 1 {
		text += " "
	}
	return []byte(text)
}
