// Package charset decodes the text of data sets whose Specific Character Set
// (0008,0005) is any of PS3.3 C.12.1.1.2, from the bytes as they stand: single-byte
// sets, ISO 2022 code extension with its resets (PS3.5 6.1.2.5.3), GB18030, GBK
// and UTF-8. What does not suit the declaration is judged by the bytes, and the
// caller is told so.
//
// It takes its tables from golang.org/x/text; designations, resets and delimiters
// are its own. It knows no data set and encodes nothing.
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Form tells which characters of a value delimit, and thus end what an escape
// sequence has designated.
type Form uint8

// The forms of text.
const (
	Text   Form = iota // ST, LT, UT: one value, in which a backslash is text
	Values             // SH, LO, UC: backslashes separate values
	Name               // PN: so do ^ and = within a value
)

// Outcome tells how a value has been decoded.
type Outcome uint8

// The outcomes.
const (
	Declared    Outcome = iota // as the data set declares
	Judged                     // by the bytes, which do not suit what is declared
	Undecodable                // not at all: escape sequences that PS3.3 does not know
)

// Set is what a data set declares. The zero value declares nothing, which means
// the default repertoire (ISO IR 6).
type Set struct {
	terms    []term
	whole    encoding.Encoding // GB18030, GBK: no code extension
	utf8     bool
	declared string // the value as it stands
}

// Parse reads the value of Specific Character Set (0008,0005). Spelling is
// forgiven: ISO_IR_100, ISO-IR 100 and iso ir 100 are ISO_IR 100.
func Parse(value []byte) Set {
	s := Set{declared: strings.TrimRight(string(value), " \x00")}
	for i, name := range strings.Split(s.declared, `\`) {
		name = spelling(name)
		t, known := terms[name]
		switch {
		case known:
			s.terms = append(s.terms, t)
		case name == "" && i == 0:
			s.terms = append(s.terms, terms["6"])
		case name == "192" || name == "UTF8":
			s.utf8 = s.utf8 || i == 0
		case name == "GB18030" && i == 0:
			s.whole = simplifiedchinese.GB18030
		case name == "GBK" && i == 0:
			s.whole = simplifiedchinese.GBK
		}
	}
	return s
}

// String is the value that was parsed.
func (s Set) String() string { return s.declared }

// spelling is the number of a term of PS3.3 C.12.1.1.2, or the name of one that
// has none.
func spelling(term string) string {
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-\x00", r) {
			return -1
		}
		return r
	}, strings.ToUpper(term))
	for _, prefix := range []string{"ISO2022IR", "ISOIR"} {
		if number, ok := strings.CutPrefix(letters, prefix); ok {
			return number
		}
	}
	return letters
}

// Decode decodes the value of an element. Delimiters stay, and no backslash
// comes of a character of several bytes, so that the result can be split.
// The result of Undecodable is "".
func (s Set) Decode(b []byte, f Form) (string, Outcome) {
	if plain(b) && !s.romaji() {
		return string(b), Declared
	}
	if text, ok := s.declaredText(b, f); ok {
		return text, Declared
	}
	return s.judge(b, f)
}

// plain reports whether b is of the default repertoire alone.
func plain(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf || c == escape {
			return false
		}
	}
	return true
}

// romaji reports whether the initial G0 set is not ASCII.
func (s Set) romaji() bool { return len(s.terms) > 0 && s.terms[0].g0 != nil }

// declaredText follows the declaration.
func (s Set) declaredText(b []byte, f Form) (string, bool) {
	switch {
	case s.utf8:
		return string(b), utf8.Valid(b) && !bytes.ContainsRune(b, escape)
	case s.whole != nil:
		return decodeWhole(s.whole, b)
	case len(s.terms) == 0:
		return "", false
	}
	return s.extension().decode(b, f)
}

// judge finds out by the bytes what a value is. Bytes that are valid UTF-8 are
// UTF-8: text in another set hardly ever is. Escape sequences say what they
// designate even where it was not declared, and devices leave them out where
// only one set of several bytes is declared. The rest is Latin-1, with the
// printable characters that Windows 1252 has in place of its control characters.
func (s Set) judge(b []byte, f Form) (string, Outcome) {
	if bytes.IndexByte(b, escape) >= 0 {
		x := s.extension()
		x.any = true
		if text, ok := x.decode(b, f); ok {
			return text, Judged
		}
		return "", Undecodable
	}
	if utf8.Valid(b) {
		return string(b), Judged
	}
	for _, t := range s.terms {
		if t.bare == nil {
			continue
		}
		if text, ok := decodeWhole(t.bare, b); ok {
			return text, Judged
		}
	}
	text, _ := charmap.Windows1252.NewDecoder().Bytes(b) // any byte is one of its characters
	return string(bytes.ReplaceAll(text, []byte("\uFFFD"), nil)), Judged
}

// decodeWhole decodes b with an encoding without code extension.
func decodeWhole(e encoding.Encoding, b []byte) (string, bool) {
	text, err := e.NewDecoder().Bytes(b)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) || bytes.IndexByte(b, escape) >= 0 {
		return "", false
	}
	return string(text), true
}

// shiftJIS is what Japanese devices write that declare JIS X 0201 or JIS X 0208.
var shiftJIS encoding.Encoding = japanese.ShiftJIS
