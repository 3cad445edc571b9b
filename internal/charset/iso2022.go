package charset

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const escape = 0x1B // ESC

// A graphic set turns one byte, or two where it has 94×94 characters, into a
// character. The bytes have their high bit set whether they stand in G0 or G1.
type graphic struct {
	name   string // number of its registration, as in the defined terms
	double bool
	rune   func(high, low byte) (rune, bool)
}

// single is a set of one byte from a table of ISO 8859 or TIS 620.
func single(name string, m *charmap.Charmap) *graphic {
	return &graphic{name: name, rune: func(c, _ byte) (rune, bool) {
		r := m.DecodeByte(c)
		return r, c >= 0xA0 && r != utf8.RuneError
	}}
}

// double is a set of 94×94 characters; shift precedes them in the encoding.
func double(name string, e encoding.Encoding, shift ...byte) *graphic {
	return &graphic{name: name, double: true, rune: func(high, low byte) (rune, bool) {
		if high < 0xA1 || high == 0xFF || low < 0xA1 || low == 0xFF {
			return 0, false
		}
		text, err := e.NewDecoder().Bytes(append(shift[:len(shift):len(shift)], high, low))
		r, n := utf8.DecodeRune(text)
		if r == '\\' {
			r = '＼' // a delimiter it must not become
		}
		return r, err == nil && n == len(text) && r != utf8.RuneError
	}}
}

// The graphic sets of PS3.3 Tables C.12-2 to C.12-4.
var (
	romaji = &graphic{name: "14", rune: func(c, _ byte) (rune, bool) { // JIS X 0201, ISO IR 14
		switch c &= 0x7F; c {
		case '\\':
			return '¥', true
		case '~':
			return '‾', true
		}
		return rune(c), true
	}}
	katakana = &graphic{name: "13", rune: func(c, _ byte) (rune, bool) { // JIS X 0201, ISO IR 13
		return '\uFF61' + rune(c) - 0xA1, c >= 0xA1 && c <= 0xDF
	}}
	ascii = &graphic{name: "6", rune: func(c, _ byte) (rune, bool) { return rune(c & 0x7F), true }}

	latin1   = single("100", charmap.ISO8859_1)
	latin2   = single("101", charmap.ISO8859_2)
	latin3   = single("109", charmap.ISO8859_3)
	latin4   = single("110", charmap.ISO8859_4)
	cyrillic = single("144", charmap.ISO8859_5)
	arabic   = single("127", charmap.ISO8859_6)
	greek    = single("126", charmap.ISO8859_7)
	hebrew   = single("138", charmap.ISO8859_8)
	latin5   = single("148", charmap.ISO8859_9)
	latin9   = single("203", charmap.ISO8859_15)
	thai     = single("166", charmap.Windows874) // TIS 620-2533 from A1 up

	jisX0208 = double("87", japanese.EUCJP)
	jisX0212 = double("159", japanese.EUCJP, 0x8F)
	ksX1001  = double("149", korean.EUCKR)
	gb2312   = double("58", simplifiedchinese.GBK)
)

// A term is a defined term of Specific Character Set.
type term struct {
	sets   []*graphic        // that its escape sequences may designate
	g0, g1 *graphic          // initial when it is value 1; nil is ASCII and none
	bare   encoding.Encoding // what devices write under it without escape sequences
}

// terms is PS3.3 Tables C.12-2 to C.12-4, by the numbers of the terms. Whether one
// is written with code extension (ISO 2022 IR) or without (ISO_IR) does not
// matter: it designates the same sets.
var terms = map[string]term{
	"6":   {},
	"100": {sets: []*graphic{latin1}, g1: latin1},
	"101": {sets: []*graphic{latin2}, g1: latin2},
	"109": {sets: []*graphic{latin3}, g1: latin3},
	"110": {sets: []*graphic{latin4}, g1: latin4},
	"144": {sets: []*graphic{cyrillic}, g1: cyrillic},
	"127": {sets: []*graphic{arabic}, g1: arabic},
	"126": {sets: []*graphic{greek}, g1: greek},
	"138": {sets: []*graphic{hebrew}, g1: hebrew},
	"148": {sets: []*graphic{latin5}, g1: latin5},
	"203": {sets: []*graphic{latin9}, g1: latin9},
	"166": {sets: []*graphic{thai}, g1: thai},
	"13":  {sets: []*graphic{romaji, katakana}, g0: romaji, g1: katakana, bare: shiftJIS},
	"87":  {sets: []*graphic{jisX0208}, bare: shiftJIS},
	"159": {sets: []*graphic{jisX0212}},
	"149": {sets: []*graphic{ksX1001}, g1: ksX1001, bare: korean.EUCKR},
	"58":  {sets: []*graphic{gb2312}, g1: gb2312, bare: simplifiedchinese.GBK},
}

// escapes are the sequences behind ESC (PS3.3 Tables C.12-3 and C.12-4), with
// those of ISO 2022 that say the same of G0.
var escapes = []struct {
	sequence string
	set      *graphic
	g1       bool
}{
	{"(B", ascii, false}, {"(J", romaji, false}, {")I", katakana, true}, {"(I", katakana, false},
	{"-A", latin1, true}, {"-B", latin2, true}, {"-C", latin3, true}, {"-D", latin4, true},
	{"-L", cyrillic, true}, {"-G", arabic, true}, {"-F", greek, true}, {"-H", hebrew, true},
	{"-M", latin5, true}, {"-b", latin9, true}, {"-T", thai, true},
	{"$B", jisX0208, false}, {"$@", jisX0208, false}, {"$(B", jisX0208, false}, {"$(D", jisX0212, false},
	{"$)C", ksX1001, true}, {"$(C", ksX1001, false}, {"$)A", gb2312, true}, {"$(A", gb2312, false}, {"$A", gb2312, false},
}

// extension decodes by ISO 2022: two sets of characters are designated at a
// time, G0 for bytes below 80H and G1 for those above.
type extension struct {
	first   term // whose sets are designated at the start and after a delimiter
	allowed []*graphic
	any     bool // every set of escapes is allowed, and G1 outlasts delimiters
	g0, g1  *graphic
	last    *graphic // G1 before a delimiter
}

func (s Set) extension() *extension {
	x := &extension{allowed: []*graphic{ascii}}
	if len(s.terms) > 0 {
		x.first = s.terms[0]
	}
	for _, t := range s.terms {
		x.allowed = append(x.allowed, t.sets...)
	}
	return x
}

// reset designates what value 1 of Specific Character Set does (PS3.5 6.1.2.5.3).
func (x *extension) reset() {
	x.g0, x.g1 = x.first.g0, x.first.g1
	if x.g0 == nil {
		x.g0 = ascii
	}
	if x.any && x.g1 == nil {
		x.g1 = x.last
	}
}

func (x *extension) decode(b []byte, f Form) (string, bool) {
	var out strings.Builder
	for x.reset(); len(b) > 0; {
		if b[0] == escape {
			n := x.designate(b[1:])
			if n == 0 {
				return "", false
			}
			b = b[1+n:]
			continue
		}
		r, n, ok := x.next(b, f)
		if !ok {
			return "", false
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String(), true
}

// designate follows the escape sequence b begins with and returns its length, 0
// when it is not one that may stand here.
func (x *extension) designate(b []byte) int {
	for _, e := range escapes {
		if !strings.HasPrefix(string(b[:min(len(b), 3)]), e.sequence) || !x.allows(e.set) {
			continue
		}
		if e.g1 {
			x.g1, x.last = e.set, e.set
		} else {
			x.g0 = e.set
		}
		return len(e.sequence)
	}
	return 0
}

func (x *extension) allows(set *graphic) bool {
	for _, a := range x.allowed {
		if a == set {
			return true
		}
	}
	return x.any
}

// next decodes the character b begins with, of n bytes.
func (x *extension) next(b []byte, f Form) (r rune, n int, ok bool) {
	c := b[0]
	set := x.g0
	if c >= 0x80 {
		set = x.g1
	}
	switch {
	case c < ' ':
		x.reset()
		return rune(c), 1, true
	case c == ' ' || c == 0x7F:
		return rune(c), 1, true
	case set == nil:
		return 0, 0, false
	case set.double && len(b) < 2, set.double && b[1]&0x80 != c&0x80:
		return 0, 0, false
	case set.double:
		r, ok = set.rune(c|0x80, b[1]|0x80)
		return r, 2, ok
	case f != Text && c == '\\', f == Name && (c == '^' || c == '='):
		x.reset()
		return rune(c), 1, true
	}
	r, ok = set.rune(c|0x80, 0)
	return r, 1, ok
}
