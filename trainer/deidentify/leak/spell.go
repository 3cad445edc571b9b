package leak

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/unicode/norm"

	"dicomnode/trainer/deidentify"
)

// spellings returns the byte strings to search for a text, with ASCII letters in lower case.
func spellings(text string, raw []byte) []string {
	seen := map[string]bool{}
	var out []string
	add := func(b []byte) {
		if s := string(lower(b)); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	add([]byte(strings.TrimRight(string(raw), " \x00")))
	for _, t := range variants(text) {
		for _, cased := range []string{t, strings.ToLower(t), strings.ToUpper(t)} {
			add([]byte(cased))
			for _, b := range encoded(cased) {
				add(b)
			}
		}
		units := utf16.Encode([]rune(strings.ToLower(t)))
		little, big := make([]byte, 0, 2*len(units)), make([]byte, 0, 2*len(units))
		for _, u := range units {
			little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
		}
		add(little)
		add(big)
	}
	return out
}

// repertoires are the encodings of PS3.3 C.12.1.1.2, and encodings of other systems for the
// same characters.
var repertoires = []encoding.Encoding{
	charmap.ISO8859_1, charmap.ISO8859_2, charmap.ISO8859_3, charmap.ISO8859_4, charmap.ISO8859_5, charmap.ISO8859_6, charmap.ISO8859_7,
	charmap.ISO8859_8, charmap.ISO8859_9, charmap.ISO8859_15, charmap.Windows874, charmap.KOI8R, charmap.Windows1251,
	japanese.ISO2022JP, japanese.ShiftJIS, japanese.EUCJP, korean.EUCKR, simplifiedchinese.GB18030, traditionalchinese.Big5,
}

// encoded returns a text in every encoding that has all of its characters. ASCII text is the
// same in all.
func encoded(text string) (out [][]byte) {
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return nil
	}
	for _, r := range repertoires {
		if b, err := r.NewEncoder().Bytes([]byte(text)); err == nil {
			out = append(out, b)
		}
	}
	return out
}

// variants returns different ways to write a text: unchanged, without diacritics, and with
// other separators or none between its parts.
func variants(text string) []string {
	out := []string{text, withoutMarks(text)}
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ^=,_-/", r) })
	if len(parts) < 2 || len(parts) > 8 {
		return out
	}
	for _, sep := range []string{"", " ", "^", "_", "-", ", "} {
		if joined := strings.Join(parts, sep); len(joined) >= 4 {
			out = append(out, joined)
		}
	}
	return out
}

func withoutMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

func lower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = fold[c]
	}
	return out
}

// fold maps ASCII letters to lower case.
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// dates adds spellings of the date in a DA or DT.
func (o *Originals) dates(v deidentify.Original) {
	if len(v.Text) < 8 {
		return
	}
	t, err := time.Parse("20060102", v.Text[:8])
	if err != nil {
		return
	}
	v.VR, v.Raw = "DA", nil
	for _, layout := range []string{"20060102", "2006-01-02", "02.01.2006", "01/02/2006", "02/01/2006", "2 Jan 2006", "Jan 2, 2006", "2006/01/02"} {
		v.Text = t.Format(layout)
		o.add(v)
	}
	v.Text = fmt.Sprintf("%d.%d.%d", t.Day(), t.Month(), t.Year())
	o.add(v)
}
