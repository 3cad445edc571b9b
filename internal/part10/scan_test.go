package part10_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const jpegLossless = "1.2.840.10008.1.2.4.70"

func header(transferSyntax string) part10.Header {
	return part10.Header{
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: transferSyntax,
		StudyInstanceUID: "1.2.3", SeriesInstanceUID: "1.2.3.1", Modality: "DX", BodyPartExamined: "HAND", StationName: "ROOM 1",
	}
}

func TestScan(t *testing.T) {
	padded := append(deflate(t, explicitLE.image()), 0)
	for _, tt := range []struct {
		name, transferSyntax string
		data                 []byte
	}{
		{"implicit", uid.ImplicitVRLittleEndian, implicitLE.image()},
		{"explicit", uid.ExplicitVRLittleEndian, explicitLE.image()},
		{"big endian", uid.ExplicitVRBigEndian, explicitBE.image()},
		{"deflated", uid.DeflatedExplicitVRLittleEndian, deflate(t, explicitLE.image())},
		{"deflated and padded", uid.DeflatedExplicitVRLittleEndian, padded},
		{"encapsulated", jpegLossless, encapsulated()},
		{"unknown VR of undefined length", uid.ExplicitVRLittleEndian, unknown()},
		{"large", uid.ExplicitVRLittleEndian, join(explicitLE.identity(), explicitLE.el(0x7FE00010, "OW", string(make([]byte, 5<<20))))},
	} {
		for shape, r := range map[string]io.Reader{
			"whole": bytes.NewReader(tt.data), "half": iotest.HalfReader(bytes.NewReader(tt.data)),
			"bytes": iotest.OneByteReader(bytes.NewReader(tt.data)), "data with EOF": iotest.DataErrReader(bytes.NewReader(tt.data)),
		} {
			t.Run(tt.name+"/"+shape, func(t *testing.T) {
				got, err := part10.Scan(r, tt.transferSyntax)
				if err != nil || got != header(tt.transferSyntax) {
					t.Errorf("got %+v, error %v", got, err)
				}
				if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("not read to its end: %d, %v", n, err)
				}
			})
		}
	}
}

func TestScanErrors(t *testing.T) {
	c := explicitLE
	deep := c.identity()
	for range 70 {
		deep = join(deep, c.head(0x00400555, "SQ", open), c.head(0xFFFEE000, "", open))
	}
	item := func(length uint32) []byte { return c.head(0xFFFEE000, "", length) }
	seq := func(length uint32) []byte { return c.head(0x00400555, "SQ", length) }
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty Rows", c.head(0x00280010, "US", 0), "dicom: (0028,0010) Rows at byte 0: want 2 bytes, have 0"},
		{"value cut", c.el(0x00100020, "LO", "ABCDEF")[:10], "(0010,0020) PatientID at byte 0: want 6 bytes, have 2"},
		{"collected value cut", c.el(0x00080060, "CS", "DX")[:9], "(0008,0060) Modality at byte 0: want 2 bytes, have 1"},
		{"head cut", c.head(0x00100020, "LO", 0)[:5], "byte 0: data set ends inside the element"},
		{"long head cut", c.head(0x7FE00010, "OW", 0)[:9], "(7FE0,0010) PixelData at byte 0: data set ends inside the element"},
		{"huge length", c.head(0x7FE00010, "OW", 0xFFFFFFF0), "(7FE0,0010) PixelData at byte 0: want 4294967280 bytes, have 0"},
		{"no VR", join(c.identity(), implicitLE.el(0x00400020, "", "ABCDEF")), `want a value representation, have bytes 06 00`},
		{"group 2 without an end", c.head(0x00020010, "OB", open), "group 0002 in a data set"},
		{"group 2 cut", c.el(0x00020010, "UI", "1.2.3.4")[:12], "(0002,0010) TransferSyntaxUID at byte 0: want 8 bytes, have 4"},
		{"file as data set", file(t, uid.ExplicitVRLittleEndian, c.image()), "byte 0: a file with preamble where a data set is wanted"},
		{"sequence into what follows", join(c.head(0x00081140, "SQ", 26), item(10), c.el(0x00080100, "SH", "T1"), c.el(0x00100010, "PN", "ABCDEFGH")), "want an item inside (0008,1140)"},
		{"twice", join(c.el(0x00080018, "UI", "1.2"), c.el(0x00080018, "UI", "1.3")), "(0008,0018) SOPInstanceUID at byte 12: occurs twice"},
		{"long UID", c.el(0x00080018, "UI", strings.Repeat("1", 300)), "value of 300 bytes, want at most 256"},
		{"item outside", item(0), "(FFFE,E000) Item at byte 0: want a data element inside"},
		{"element in sequence", join(seq(open), c.us(0x00280010, 1)), "want an item inside (0040,0555)"},
		{"sequence not closed", join(seq(open), item(0)), "(0040,0555) AcquisitionContextSequence at byte 0: data set ends inside it"},
		{"item longer than sequence", join(seq(8), item(4), make([]byte, 4)), "length of 4 bytes runs past the end of what holds it"},
		{"element longer than item", join(seq(16), item(8), c.head(0x00080100, "SH", 4), make([]byte, 4)), "value of 4 bytes runs past the end of (FFFE,E000)"},
		{"element head past item", join(seq(12), item(4), c.us(0x00280010, 1)), "element runs past the end of (FFFE,E000)"},
		{"delimiter with length", join(seq(open), c.head(0xFFFEE0DD, "", 2)), "delimiter with a length of 2"},
		{"item in an item", join(seq(16), item(8), item(0)), "want a data element inside (FFFE,E000)"},
		{"delimiter among fragments", join(c.head(0x7FE00010, "OB", open), c.head(0xFFFEE00D, "", 0)), "want an item inside (7FE0,0010)"},
		{"two identities", join(c.el(0x00080018, "UI", "1.2"), c.el(0x00080018, "UI", "1.3")), "occurs twice with different values"},
		{"zeros inside", join(c.identity(), make([]byte, 16), c.el(0x00400020, "LO", "A ")), "group 0000 in a data set"},
		{"Rows of two values", c.el(0x00280010, "US", "\x04\x00\x04\x00"), "dicom: (0028,0010) Rows at byte 0: want 2 bytes, have 4"},
		{"undefined text", c.head(0x00080100, "UT", open), "undefined length with value representation UT"},
		{"undefined fragment", join(c.head(0x7FE00010, "OB", open), item(open)), "fragment of undefined length"},
		{"fragments not closed", join(c.head(0x7FE00010, "OB", open), item(2), []byte{1, 2}), "PixelData at byte 0: data set ends inside it"},
		{"too deep", deep, "nested deeper than 64 levels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := part10.Scan(bytes.NewReader(tt.data), uid.ExplicitVRLittleEndian)
			var syntax *part10.SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestScanEveryTruncation truncates valid data sets at each byte. Between elements the rest is
// a shorter valid data set, so Receive compares UIDs and the network counts PDVs. Everywhere
// else there must be an error.
func TestScanEveryTruncation(t *testing.T) {
	data := encapsulated()
	whole := map[int]bool{0: true}
	for at, rest := 0, explicitLE.identity(); len(rest) > 0; {
		n := 8 + int(rest[6]) // all are short
		at, rest = at+n, rest[n:]
		whole[at] = true
	}
	for n := range data {
		_, err := part10.Scan(bytes.NewReader(data[:n]), jpegLossless)
		if whole[n] != (err == nil) {
			t.Errorf("cut at %d of %d: error %v", n, len(data), err)
		}
	}
	short := deflate(t, explicitLE.image())
	for n := range short {
		if _, err := part10.Scan(bytes.NewReader(short[:n]), uid.DeflatedExplicitVRLittleEndian); err == nil {
			t.Errorf("deflated, cut at %d of %d: no error", n, len(short))
		}
	}
}

func TestScanPassesReaderErrors(t *testing.T) {
	lost := errors.New("connection lost")
	for _, ts := range []string{uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian} {
		data := explicitLE.image()
		if ts == uid.DeflatedExplicitVRLittleEndian {
			data = deflate(t, data)
		}
		for _, n := range []int{0, 1, 30, len(data) - 1} {
			_, err := part10.Scan(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(lost)), ts)
			if !errors.Is(err, lost) {
				t.Errorf("%s after %d bytes: error %v, want the reader's", ts, n, err)
			}
		}
	}
}

// TestScanStopsBombs scans a deflate stream that repeats 16 KB for 16 MB of zeros without end:
// flushed blocks can be concatenated.
func TestScanStopsBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates 4 GiB")
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	block := func(data []byte) []byte {
		out.Reset()
		_, err := w.Write(data)
		if err = errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(out.Bytes())
	}
	parts := []io.Reader{bytes.NewReader(block(join(explicitLE.identity(), explicitLE.head(0x7FE00010, "OW", 0xFFFFFFFE))))}
	zeros := block(make([]byte, 16<<20))
	for range 300 {
		parts = append(parts, bytes.NewReader(zeros))
	}
	_, err = part10.Scan(io.MultiReader(parts...), uid.DeflatedExplicitVRLittleEndian)
	if !errors.Is(err, part10.ErrInflated) {
		t.Errorf("error %v, want ErrInflated", err)
	}
}

func BenchmarkScan(b *testing.B) {
	data := join(explicitLE.identity(), explicitLE.el(0x7FE00010, "OW", string(make([]byte, 10<<20))))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := part10.Scan(bytes.NewReader(data), uid.ExplicitVRLittleEndian); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzScan: for any bytes Scan returns, with an error about the data only. Data sets that it
// accepts give the same result in small pieces.
func FuzzScan(f *testing.F) {
	syntaxes := []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian}
	f.Add(implicitLE.image(), uint8(0))
	f.Add(explicitLE.image(), uint8(1))
	f.Add(encapsulated(), uint8(1))
	f.Add(unknown(), uint8(1))
	f.Add(explicitBE.image(), uint8(2))
	f.Add(deflate(f, explicitLE.image()), uint8(3))
	seedShared(f, syntaxes)
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		ts := syntaxes[int(which)%len(syntaxes)]
		got, err := part10.Scan(bytes.NewReader(data), ts)
		again, err2 := part10.Scan(iotest.HalfReader(bytes.NewReader(data)), ts)
		if got != again || (err == nil) != (err2 == nil) {
			t.Errorf("%+v, %v in one piece; %+v, %v in small ones", got, err, again, err2)
		}
		for _, v := range []string{got.SOPInstanceUID, got.Modality} {
			if len(v) > 3*256 || strings.ContainsAny(v, "\x00\n\r\x1b") {
				t.Errorf("collected %q", v)
			}
		}
	})
}

// seedShared adds the starts of real data sets, if there are any.
func seedShared(f *testing.F, syntaxes []string) {
	files, required := findShared(f)
	if len(files) == 0 && required {
		f.Fatal("no shared DICOM files")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		head, err := part10.ReadHeader(bytes.NewReader(b))
		if err != nil {
			f.Fatal(err)
		}
		b = b[head.DatasetOffset:]
		which := max(slices.Index(syntaxes, head.TransferSyntaxUID), 0)
		if which == 0 && head.TransferSyntaxUID != uid.ImplicitVRLittleEndian {
			which = 1 // encapsulated
		}
		f.Add(b[:min(len(b), 8<<10)], uint8(which))
	}
}
