package charset_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"

	"dicomnode/internal/charset"
)

// in encodes text in a table of one or more bytes, for the tests.
func in(e encoding.Encoding, text string) string {
	b, err := e.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return b
}

// cases: the examples of PS3.5 Annexes H, I, J and K, and one of every term.
var cases = []struct {
	name, declared, bytes string
	form                  charset.Form
	want                  string
	outcome               charset.Outcome
}{
	{"none", "", "Smith^John", charset.Name, "Smith^John", charset.Declared},
	{"ISO_IR 6", "ISO_IR 6", "Smith^John", charset.Name, "Smith^John", charset.Declared},
	{"Latin-1", "ISO_IR 100", "M\xFCller^J\xF6rg", charset.Name, "Müller^Jörg", charset.Declared},
	{"Latin-1, extended alone", "ISO 2022 IR 100", "M\xFCller", charset.Name, "Müller", charset.Declared},
	{"Latin-1 by escape", `ISO 2022 IR 6\ISO 2022 IR 100`, "\x1b-AM\xFCller^\x1b-AJ\xF6rg", charset.Name, "Müller^Jörg", charset.Declared},
	{"Latin-2", "ISO_IR 101", in(charmap.ISO8859_2, "Wałęsa"), charset.Name, "Wałęsa", charset.Declared},
	{"Latin-3", "ISO_IR 109", in(charmap.ISO8859_3, "Ħaġar"), charset.Name, "Ħaġar", charset.Declared},
	{"Latin-4", "ISO_IR 110", in(charmap.ISO8859_4, "Šiauliai ķ"), charset.Name, "Šiauliai ķ", charset.Declared},
	{"Cyrillic", "ISO_IR 144", in(charmap.ISO8859_5, "Люкceмбypг"), charset.Name, "Люкceмбypг", charset.Declared},
	{"Cyrillic as second set", `ISO 2022 IR 100\ISO 2022 IR 144`, "Iwanow^Pjotr=\x1b-L" + in(charmap.ISO8859_5, "Иванов") + "^\x1b-L" + in(charmap.ISO8859_5, "Пётр"), charset.Name, "Iwanow^Pjotr=Иванов^Пётр", charset.Declared},
	{"back to the first set", `ISO 2022 IR 100\ISO 2022 IR 144`, "\x1b-L" + in(charmap.ISO8859_5, "Иванов") + "=M\xFCller", charset.Name, "Иванов=Müller", charset.Declared},
	{"Arabic", "ISO_IR 127", in(charmap.ISO8859_6, "قباني^لنزار"), charset.Name, "قباني^لنزار", charset.Declared},
	{"Greek", "ISO_IR 126", in(charmap.ISO8859_7, "Διονυσιος"), charset.Name, "Διονυσιος", charset.Declared},
	{"Hebrew", "ISO_IR 138", in(charmap.ISO8859_8, "שרון^דבורה"), charset.Name, "שרון^דבורה", charset.Declared},
	{"Turkish", "ISO_IR 148", in(charmap.ISO8859_9, "Çavuşoğlu"), charset.Name, "Çavuşoğlu", charset.Declared},
	{"Latin-9", "ISO_IR 203", in(charmap.ISO8859_15, "Œuvre €"), charset.Values, "Œuvre €", charset.Declared},
	{"Thai", "ISO_IR 166", in(charmap.Windows874, "สมชาย^ใจดี"), charset.Name, "สมชาย^ใจดี", charset.Declared},
	{"Thai by escape", "ISO 2022 IR 166", "\x1b-T" + in(charmap.Windows874, "สมชาย"), charset.Name, "สมชาย", charset.Declared},
	{"Katakana", "ISO_IR 13", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", charset.Name, "ﾔﾏﾀﾞ^ﾀﾛｳ", charset.Declared},
	{"JIS X 0201 Romaji", "ISO_IR 13", `a\b~c`, charset.Text, "a¥b‾c", charset.Declared},
	{"JIS X 0201 Romaji, two values", "ISO_IR 13", `a\b`, charset.Values, `a\b`, charset.Declared},
	{"PS3.5 H.3.1", `\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", charset.Name, "Yamada^Tarou=山田^太郎=やまだ^たろう", charset.Declared},
	{"PS3.5 H.3.2", `ISO 2022 IR 13\ISO 2022 IR 87`, "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J", charset.Name, "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", charset.Declared},
	{"JIS X 0212", `\ISO 2022 IR 87\ISO 2022 IR 159`, "\x1b$(D" + "\x30\x21" + "\x1b(B^A", charset.Name, "丂^A", charset.Declared},
	{"PS3.5 I.2", `\ISO 2022 IR 149`, "Hong^Gildong=\x1b$)C\xFB\xF3^\x1b$)C\xD1\xCE\xD4\xD7=\x1b$)C\xC8\xAB^\x1b$)C\xB1\xE6\xB5\xBF", charset.Name, "Hong^Gildong=洪^吉洞=홍^길동", charset.Declared},
	{"Korean alone", "ISO 2022 IR 149", "\x1b$)C" + in(korean.EUCKR, "김"), charset.Name, "김", charset.Declared},
	{"Korean, two lines", `\ISO 2022 IR 149`, "\x1b$)C" + in(korean.EUCKR, "김") + "\r\n\x1b$)C" + in(korean.EUCKR, "철수"), charset.Text, "김\r\n철수", charset.Declared},
	{"PS3.5 K.2", `\ISO 2022 IR 58`, "Zhang^XiaoDong=\x1b$)A\xD5\xC5^\x1b$)A\xD0\xA1\xB6\xAB=", charset.Name, "Zhang^XiaoDong=张^小东=", charset.Declared},
	{"four sets", `\ISO 2022 IR 87\ISO 2022 IR 149\ISO 2022 IR 58`, "\x1b$B;3\x1b(B=\x1b$)C" + in(korean.EUCKR, "김") + "=\x1b$)A\xD5\xC5", charset.Name, "山=김=张", charset.Declared},
	{"PS3.5 J.1", "ISO_IR 192", "Wang^XiaoDong=王^小東", charset.Name, "Wang^XiaoDong=王^小東", charset.Declared},
	{"PS3.5 J.2", "GB18030", in(simplifiedchinese.GB18030, "Wang^XiaoDong=王^小东"), charset.Name, "Wang^XiaoDong=王^小东", charset.Declared},
	{"GB18030 of four bytes", "GB18030", in(simplifiedchinese.GB18030, "ꀀ"), charset.Values, "ꀀ", charset.Declared},
	{"GBK", "GBK", in(simplifiedchinese.GBK, "張"), charset.Values, "張", charset.Declared},
	{"5C inside GBK", "GBK", "\x81\x5C\\A", charset.Values, "乗\\A", charset.Declared},
	{"5C inside GB18030", "GB18030", "\x81\x5C", charset.Values, "乗", charset.Declared},
	{"5C inside JIS X 0208", `\ISO 2022 IR 87`, "\x1b$B" + "\x30\x5C" + "\x1b(B\\A", charset.Values, "移\\A", charset.Declared},
	{"5E inside JIS X 0208", `\ISO 2022 IR 87`, "\x1b$B" + "\x30\x5E" + "\x1b(B^A", charset.Name, "緯^A", charset.Declared},

	{"underscore", "ISO_IR_100", "M\xFCller", charset.Name, "Müller", charset.Declared},
	{"lower case", "iso-ir 144", in(charmap.ISO8859_5, "Иван"), charset.Name, "Иван", charset.Declared},
	{"none, Latin-1", "", "M\xFCller", charset.Name, "Müller", charset.Judged},
	{"none, UTF-8", "", "Müller^Jörg", charset.Name, "Müller^Jörg", charset.Judged},
	{"unknown", "ISO-8859-1", "M\xFCller", charset.Name, "Müller", charset.Judged},
	{"unknown, escape of a known one", "ISO_IR 165", "\x1b$)A\xD5\xC5", charset.Name, "张", charset.Judged},
	{"UTF-8 that is Latin-1", "ISO_IR 192", "M\xFCller", charset.Name, "Müller", charset.Judged},
	{"Latin-1 that is UTF-8", "ISO_IR 100", "Groß", charset.Name, "Groß", charset.Judged},
	{"Latin-1 that is followed", "ISO_IR 100", "Müller", charset.Name, "MÃ¼ller", charset.Declared},
	{"Windows 1252", "ISO_IR 100", "\x8Aimek", charset.Name, "Šimek", charset.Judged},
	{"broken GBK", "GBK", "Wang=\xCD\xF5\xFF\xFE", charset.Name, "Wang=Íõÿþ", charset.Judged},
	{"Korean without escapes", `\ISO 2022 IR 149`, in(korean.EUCKR, "김^철수"), charset.Name, "김^철수", charset.Judged},
	{"Korean with one escape", `\ISO 2022 IR 149`, "Kim=\x1b$)C" + in(korean.EUCKR, "김^철수"), charset.Name, "Kim=김^철수", charset.Judged},
	{"Japanese without escapes", "ISO_IR 13", in(japanese.ShiftJIS, "山田^太郎"), charset.Name, "山田^太郎", charset.Judged},
	{"escape that was not declared", "ISO_IR 100", "Kim=\x1b$)C" + in(korean.EUCKR, "김"), charset.Name, "Kim=김", charset.Judged},
	{"Thai without declaration is no UTF-8", "", in(charmap.Windows874, "ส"), charset.Name, "Ê", charset.Judged},
	{"escape of nothing", `\ISO 2022 IR 165`, "Kim=\x1b$)E\xB0\xA1", charset.Name, "", charset.Undecodable},
	{"half a character", `\ISO 2022 IR 149`, "\x1b$)C\xB0", charset.Name, "", charset.Undecodable},
}

func TestDecode(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, outcome := charset.Parse([]byte(c.declared)).Decode([]byte(c.bytes), c.form)
			if got != c.want || outcome != c.outcome {
				t.Errorf("got %q, outcome %d; want %q, %d", got, outcome, c.want, c.outcome)
			}
		})
	}
}

// TestDecodeEveryByte: no declared set panics or loses a byte in silence,
// whatever stands behind it.
func TestDecodeEveryByte(t *testing.T) {
	for _, c := range cases {
		s := charset.Parse([]byte(c.declared))
		for a := range 256 {
			for _, tail := range []string{"", "A", "\xA1", "\x1b$)C"} {
				text, outcome := s.Decode([]byte{byte(a), tail0(tail)}, charset.Name)
				if !utf8.ValidString(text) || outcome == charset.Declared && text == "" {
					t.Fatalf("%s, byte %02X: %q, outcome %d", c.declared, a, text, outcome)
				}
			}
		}
	}
}

func tail0(s string) byte {
	if s == "" {
		return 'A'
	}
	return s[0]
}

// FuzzDecode: the result is UTF-8, and pure ASCII comes out as it went in.
func FuzzDecode(f *testing.F) {
	for _, c := range cases {
		f.Add(c.declared, []byte(c.bytes), uint8(c.form))
	}
	f.Fuzz(func(t *testing.T, declared string, b []byte, form uint8) {
		text, outcome := charset.Parse([]byte(declared)).Decode(b, charset.Form(form%3))
		if !utf8.ValidString(text) || outcome == charset.Undecodable && text != "" {
			t.Errorf("%q, outcome %d", text, outcome)
		}
		ascii := strings.IndexFunc(string(b), func(r rune) bool { return r >= 0x80 || r == 0x1B }) < 0
		if ascii && !strings.Contains(declared, "13") && text != string(b) {
			t.Errorf("%q became %q", b, text)
		}
	})
}
