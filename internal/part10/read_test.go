package part10_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// TestRead: all encodings give the same elements, and the pixels of the file.
func TestRead(t *testing.T) {
	var first []byte
	for ts, data := range map[string][]byte{
		uid.ImplicitVRLittleEndian:         implicitLE.image(),
		uid.ExplicitVRLittleEndian:         explicitLE.image(),
		uid.ExplicitVRBigEndian:            explicitBE.image(),
		uid.DeflatedExplicitVRLittleEndian: deflate(t, explicitLE.image()),
	} {
		o, err := part10.Read(file(t, ts, data))
		if err != nil {
			t.Fatalf("%s: %v", ts, err)
		}
		want := header(ts)
		want.DatasetOffset = o.DatasetOffset
		if o.Header != want {
			t.Errorf("%s: header %+v", ts, o.Header)
		}
		if first == nil {
			first = o.Elements
		}
		if !bytes.Equal(o.Elements, first) {
			t.Errorf("%s: other elements:\n%x\n%x", ts, o.Elements, first)
		}
		ds := parse(t, o.Elements)
		if rows, body := attribute(ds, tag.Rows), attribute(ds, tag.BodyPartExamined); rows != "4" || body != "HAND" {
			t.Errorf("%s: rows %q, body part %q", ts, rows, body)
		}
		p := o.Pixels
		if !p.Present || p.VR != "OW" || p.Encapsulated || p.Length != 32 || p.BigEndian != (ts == uid.ExplicitVRBigEndian) {
			t.Errorf("%s: pixels %+v", ts, p)
		}
	}
}

func TestReadEncapsulated(t *testing.T) {
	o, err := part10.Read(file(t, jpegLossless, encapsulated()))
	if err != nil {
		t.Fatal(err)
	}
	p := o.Pixels
	if !p.Encapsulated || len(p.Offsets) != 0 || len(p.Fragments) != 2 || string(p.Fragments[0]) != "\x01\x02\x03\x04" || string(p.Fragments[1]) != "\x05\x06" {
		t.Errorf("pixels %+v", p)
	}
	if _, err := o.Native(1); err == nil {
		t.Error("native pixels of encapsulated data")
	}
}

// TestReadLeavesOut: elements that no reader needs are not rewritten.
func TestReadLeavesOut(t *testing.T) {
	c := explicitLE
	icon := join(c.us(0x00280010, 1), c.el(0x7FE00010, "OB", "ab"))
	data := join(
		c.el(0x00080000, "UL", "\x10\x00\x00\x00"), c.identity(),
		c.el(0x00210010, "LO", "SECRET"), c.el(0x00211001, "OB", strings.Repeat("x", 17<<20)),
		c.head(0x00211002, "SQ", open), c.head(0xFFFEE000, "", open), c.el(0x00080100, "SH", "HIDDEN"), c.head(0xFFFEE00D, "", 0), c.head(0xFFFEE0DD, "", 0),
		c.us(0x00280010, 4),
		c.el(0x00880200, "SQ", string(join(c.head(0xFFFEE000, "", uint32(len(icon))), icon))),
		c.el(0x60003000, "OW", strings.Repeat("\x00", 2<<20)),
		c.el(0x7FE00010, "OW", "ab"))
	o, err := part10.Read(file(t, uid.ExplicitVRLittleEndian, data))
	if err != nil {
		t.Fatal(err)
	}
	if !o.Forgiven.Has(part10.TooLarge) || len(o.Elements) > 1000 {
		t.Errorf("%d bytes of elements, forgiven %q", len(o.Elements), o.Forgiven)
	}
	for _, word := range []string{"SECRET", "HIDDEN"} {
		if bytes.Contains(o.Elements, []byte(word)) {
			t.Errorf("private value %s is there", word)
		}
	}
	if rows := attribute(parse(t, o.Elements), tag.Rows); rows != "4" {
		t.Errorf("rows %q", rows)
	}
}

// TestReadValues: the VR of elements without one, and values that do not match their VR.
func TestReadValues(t *testing.T) {
	c, im := explicitLE, implicitLE
	items := join(im.head(0xFFFEE000, "", open), im.el(0x00080100, "", "T1"), im.head(0xFFFEE00D, "", 0))
	for _, tt := range []struct {
		name, syntax string
		body         []byte
		at           tag.Tag
		want         string
		fault        part10.Fault
	}{
		{"UN with text", uid.ExplicitVRLittleEndian, c.el(0x00081030, "UN", "CHEST "), tag.StudyDescription, "CHEST", 0},
		{"UN with a number", uid.ExplicitVRLittleEndian, c.el(0x00280106, "UN", "\x05\x00"), tag.SmallestImagePixelValue, "5", 0},
		{"UN with a cut number", uid.ExplicitVRLittleEndian, join(c.head(0x00280106, "UN", 3), []byte("\x05\x00\x00")), tag.SmallestImagePixelValue, "", part10.NotSuited},
		{"US of three bytes", uid.ExplicitVRLittleEndian, join(c.head(0x00280106, "US", 3), []byte("\x05\x00\x00")), tag.SmallestImagePixelValue, "", part10.NotSuited},
		{"text for a sequence", uid.ImplicitVRLittleEndian, im.el(0x00120064, "", "ANONYMISER"), tag.DeidentificationMethodCodeSequence, "", part10.NotItems},
		{"UN with text for a sequence", uid.ExplicitVRLittleEndian, c.el(0x00120064, "UN", "ANONYMISER"), tag.DeidentificationMethodCodeSequence, "", part10.NotItems},
		{"half an item", uid.ImplicitVRLittleEndian, im.el(0x00120064, "", string(items[:20])), tag.DeidentificationMethodCodeSequence, "", part10.NotItems},
		{"signed padding in implicit VR", uid.ImplicitVRLittleEndian, join(im.el(0x00280103, "", "\x01\x00"), im.el(0x00280120, "", "\x00\x80")), tag.PixelPaddingValue, "-32768", 0},
		{"signed table in implicit VR", uid.ImplicitVRLittleEndian, join(im.el(0x00280103, "", "\x01\x00"), im.el(0x00283002, "", "\x02\x00\x00\x80\x08\x00")), tag.LUTDescriptor, "2 -32768 8", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pixels := map[bool][]byte{true: c.el(0x7FE00010, "OW", "ab"), false: im.el(0x7FE00010, "", "ab")}[tt.syntax == uid.ExplicitVRLittleEndian]
			identity := map[bool][]byte{true: c.identity(), false: im.identity()}[tt.syntax == uid.ExplicitVRLittleEndian]
			data := join(identity, tt.body, pixels)
			if _, err := part10.Scan(bytes.NewReader(data), tt.syntax); err != nil {
				t.Fatal(err)
			}
			o, err := part10.Read(file(t, tt.syntax, data))
			if err != nil {
				t.Fatal(err)
			}
			if got := attribute(parse(t, o.Elements), tt.at); got != tt.want || tt.fault != 0 && !o.Forgiven.Has(tt.fault) {
				t.Errorf("got %q, want %q; forgiven %q", got, tt.want, o.Forgiven)
			}
		})
	}
	o, err := part10.Read(file(t, uid.ExplicitVRLittleEndian, join(c.identity(), c.el(0x00400555, "UN", string(items)), c.el(0x7FE00010, "OW", "ab"))))
	if err != nil || !bytes.Contains(o.Elements, c.el(0x00080100, "SH", "T1")) {
		t.Errorf("UN with items: %v", err)
	}
}

// TestReadWithoutPrefix: the encoding of a data set without file meta information is detected
// from its first element.
func TestReadWithoutPrefix(t *testing.T) {
	whole := file(t, uid.ExplicitVRBigEndian, explicitBE.image())
	noSyntax := join(make([]byte, 128), []byte("DICM"), explicitLE.el(0x00020001, "OB", "\x00\x01"), implicitLE.image())
	for name, tt := range map[string]struct {
		file  []byte
		want  string
		fault part10.Fault
	}{
		"implicit":           {implicitLE.image(), uid.ImplicitVRLittleEndian, part10.NoPrefix},
		"explicit":           {explicitLE.image(), uid.ExplicitVRLittleEndian, part10.NoPrefix},
		"big endian":         {explicitBE.image(), uid.ExplicitVRBigEndian, part10.NoPrefix},
		"without preamble":   {whole[132:], uid.ExplicitVRBigEndian, part10.NoPrefix},
		"no transfer syntax": {noSyntax, uid.ImplicitVRLittleEndian, part10.NoTransferSyntax},
	} {
		o, err := part10.Read(tt.file)
		if err != nil || o.TransferSyntaxUID != tt.want || !o.Forgiven.Has(tt.fault) || o.SOPInstanceUID != "1.2.3.4" {
			t.Errorf("%s: %+v, %v; want %s", name, o, err, tt.want)
		}
		if !part10.Recognise(bytes.NewReader(tt.file)) {
			t.Errorf("%s is not recognised", name)
		}
	}
	for _, text := range []string{"", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00", 500), "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10"} {
		if o, err := part10.Read([]byte(text)); !errors.Is(err, part10.ErrNotPart10) {
			t.Errorf("%.10q: %+v, error %v, want ErrNotPart10", text, o, err)
		}
		if part10.Recognise(strings.NewReader(text)) {
			t.Errorf("%.10q is recognised", text)
		}
	}
}

// TestReadInflatesWhatIsAskedFor: of 64 MB of zeros, deflated to 64 kB, only the 32 bytes that
// an image needs are inflated.
func TestReadInflatesWhatIsAskedFor(t *testing.T) {
	const announced = 64 << 20
	c := explicitLE
	data := file(t, uid.DeflatedExplicitVRLittleEndian, deflate(t, join(c.identity(), c.head(0x7FE00010, "OW", announced), make([]byte, announced))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o, err := part10.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.Native(32)
	runtime.ReadMemStats(&after)
	if err != nil || len(b) != 32 || o.Pixels.Length != announced {
		t.Fatalf("%d bytes of %d, error %v", len(b), o.Pixels.Length, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes allocated", used)
	}
	short, err := part10.Read(file(t, uid.DeflatedExplicitVRLittleEndian, deflate(t, join(c.identity(), c.head(0x7FE00010, "OW", 1000), make([]byte, 100)))))
	if err != nil {
		t.Fatal(err)
	}
	var syntax *part10.SyntaxError
	if _, err := short.Native(1000); !errors.As(err, &syntax) || !strings.Contains(err.Error(), "want 1000 bytes, have 100") {
		t.Errorf("cut pixels: %v", err)
	}
}

func TestElements(t *testing.T) {
	c := implicitLE
	data := join(c.el(0x00000002, "", "1.2"), c.us(0x00000100, 1))
	var tags []part10.Tag
	for e, err := range part10.Elements(data, uid.ImplicitVRLittleEndian) {
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, e.Tag)
	}
	if len(tags) != 2 || tags[1] != 0x00000100 {
		t.Errorf("tags %v", tags)
	}
	for n := range data {
		var last error
		for _, err := range part10.Elements(data[:n], uid.ImplicitVRLittleEndian) {
			last = err
		}
		if whole := n == 0 || n == 12; whole != (last == nil) {
			t.Errorf("cut at %d: %v", n, last)
		}
	}
}

// TestSharedFilesRead: stored files can be read, with the same header.
func TestSharedFilesRead(t *testing.T) {
	for _, name := range sharedFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, b)
		})
	}
}

// agree checks that the receiver and the decoder agree on one file.
func agree(t *testing.T, file []byte) {
	t.Helper()
	o, err := part10.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	scanned, err := part10.Scan(bytes.NewReader(file[o.DatasetOffset:]), o.TransferSyntaxUID)
	if err != nil {
		t.Fatal(err)
	}
	read := o.Header
	read.DatasetOffset, read.Forgiven, scanned.Forgiven = 0, part10.Forgiven{}, part10.Forgiven{}
	if read != scanned {
		t.Errorf("Scan and Read disagree about the header")
	}
	parse(t, o.Elements)
}

// FuzzReaders: the decoder reads whatever the receiver accepts, with the same header as far as
// it reads, and the library parses the decoder's output.
func FuzzReaders(f *testing.F) {
	syntaxes := []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian}
	which := func(ts string) uint8 {
		for i, s := range syntaxes {
			if s == ts {
				return uint8(i)
			}
		}
		return 1
	}
	for _, c := range forgivenCases() {
		f.Add(c.dataset(), which(c.transferSyntax()))
	}
	f.Add(implicitLE.image(), uint8(0))
	f.Add(explicitLE.image(), uint8(1))
	f.Add(encapsulated(), uint8(1))
	f.Add(unknown(), uint8(1))
	f.Add(explicitBE.image(), uint8(2))
	f.Add(deflate(f, explicitLE.image()), uint8(3))
	seedShared(f, syntaxes)
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		ts := syntaxes[int(which)%len(syntaxes)]
		scanned, err := part10.Scan(bytes.NewReader(data), ts)
		o, err2 := part10.Read(file(t, ts, data))
		if err == nil && err2 != nil {
			t.Fatalf("stored, but not read: %v", err2)
		}
		if err2 != nil {
			return
		}
		parse(t, o.Elements)
		if err == nil && (o.SOPInstanceUID != scanned.SOPInstanceUID && o.SOPInstanceUID != "" || o.Modality != scanned.Modality && o.Modality != "") {
			t.Errorf("the receiver has %+v, the decoder %+v", scanned, o.Header)
		}
		if o.Pixels.Present && !o.Pixels.Encapsulated && err == nil {
			if n := min(o.Pixels.Length, 1<<20); n >= 0 {
				if b, err := o.Native(n); err != nil || int64(len(b)) != n {
					t.Errorf("stored, but Pixel Data are not read: %v", err)
				}
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	data := file(b, uid.ExplicitVRLittleEndian, join(explicitLE.identity(), explicitLE.el(0x7FE00010, "OW", string(make([]byte, 10<<20)))))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := part10.Read(data); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReadTables: a look-up table without VR is OW where it is too long for US (PS3.5 7.1.2),
// also when the data set is written in another transfer syntax.
func TestReadTables(t *testing.T) {
	im := implicitLE
	for _, tt := range []struct {
		tag    uint32
		length int
		want   string
	}{
		{0x00283006, 65534, "US"},
		{0x00283006, 65536, "OW"},
		{0x00283006, 131072, "OW"}, // 65,536 entries of 16 bits
		{0x00281200, 65536, "OW"},  // Gray Lookup Table Data, "US or SS or OW"
	} {
		value := strings.Repeat("ab", tt.length/2)
		item := im.el(tt.tag, "", value)
		data := join(im.identity(), im.head(0x00283000, "", open), im.head(0xFFFEE000, "", uint32(len(item))), item, im.head(0xFFFEE0DD, "", 0),
			im.el(0x7FE00010, "", "ab"))
		o, err := part10.Read(file(t, uid.ImplicitVRLittleEndian, data))
		if err != nil {
			t.Fatal(err)
		}
		want := explicitLE.el(tt.tag, tt.want, value)
		if !bytes.Contains(o.Elements, want) || o.Forgiven.Any() {
			t.Errorf("%v of %d bytes: not read as %s; forgiven %q", part10.Tag(tt.tag), tt.length, tt.want, o.Forgiven)
		}
		if got := rewrite(t, data, uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian); !bytes.Contains(got, want) {
			t.Errorf("%v of %d bytes: not written as %s", part10.Tag(tt.tag), tt.length, tt.want)
		}
	}
}
