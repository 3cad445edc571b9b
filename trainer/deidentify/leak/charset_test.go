package leak_test

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
)

// Names in all character sets are removed, at the top level, in sequences and in private
// attributes, and are found in their encoding and as UTF-8.
func TestCharacterSets(t *testing.T) {
	file, err := os.ReadFile(dicomtest.Shared(t, "dicom", "RG3_J2KR.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	for term, c := range map[string]struct {
		encoding    encoding.Encoding
		prefix      string // escape sequence that designates the set if the encoding does not
		name, place string
	}{
		`\ISO 2022 IR 87`:  {japanese.ISO2022JP, "", "山田^太郎", "金糸雀病院"},
		"ISO_IR 13":        {japanese.ShiftJIS, "", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ｶﾅﾘｱﾋﾞｮｳｲﾝ"},
		`\ISO 2022 IR 149`: {korean.EUCKR, "\x1b$)C", "김희중^나리", "카나리아병원"},
		"ISO_IR 144":       {charmap.ISO8859_5, "", "Канарейкин^Пётр", "Больница Канарейки"},
		"ISO_IR 126":       {charmap.ISO8859_7, "", "Καναρίνι^Άννα", "Νοσοκομείο"},
		"ISO_IR 100":       {charmap.ISO8859_1, "", "Kanärienvögel^Åsa", "Klinik Süd"},
		"GB18030":          {simplifiedchinese.GB18030, "", "金丝雀^小鸟", "金丝雀医院"},
		"ISO_IR 192":       {unicode.UTF8, "", "Канарейкин^山田", "카나리아병원"},
	} {
		bytesOf := func(s string) []byte {
			b, err := c.encoding.NewEncoder().Bytes([]byte(s))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		o, err := object.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		o.PutText(0x00080005, "CS", term)
		put := func(s *object.Set, tag part10.Tag, vr, text string) {
			value := append([]byte(c.prefix), bytesOf(text)...)
			s.Put(&object.Element{Tag: tag, VR: vr, Value: append(value, make([]byte, len(value)%2)...)})
		}
		put(o.Set, 0x00100010, "PN", c.name)
		put(o.Set, 0x00080080, "LO", c.place)
		put(o.Set, 0x00291001, "LO", c.place)
		inner := &object.Set{}
		put(inner, 0x00080081, "ST", c.place)
		o.Put(&object.Element{Tag: 0x00082218, VR: "SQ", Items: []*object.Set{inner}})
		before := written(t, o)
		if o, err = object.Parse(before); err != nil { // with the character set that it declares
			t.Fatal(err)
		}
		if got := o.First(0x00100010); got != c.name {
			t.Errorf("%s: Patient's Name %q, want %q", term, got, c.name)
		}
		for _, basic := range []bool{false, true} {
			d, err := deidentify.New(deidentify.Options{Key: deidentify.Key{1}, Basic: basic})
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Object(o)
			if err != nil {
				t.Fatal(err)
			}
			var all leak.Originals
			all.Add(r.Originals)
			checker := all.Checker()
			if hits := checker.File("a.dcm", written(t, r.Object)); len(hits) > 0 {
				t.Errorf("%s, basic %v: %v", term, basic, hits)
			}
			for _, text := range []string{c.name, c.place} {
				for _, b := range [][]byte{[]byte(text), bytesOf(text)} {
					if len(checker.File("a.txt", b)) == 0 {
						t.Errorf("%s: %q is not found in %d bytes", term, text, len(b))
					}
				}
			}
		}
	}
}

func written(t *testing.T, o *object.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
