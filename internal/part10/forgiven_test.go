package part10_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// otherVR encodes an element with an unknown VR and a 16-bit length.
func (c coder) otherVR(tag uint32, vr, value string) []byte {
	b := c.order.AppendUint16(nil, uint16(tag>>16))
	b = append(c.order.AppendUint16(b, uint16(tag)), vr...)
	return append(c.order.AppendUint16(b, uint16(len(value))), value...)
}

// oddLong encodes an element with an unknown VR, two reserved bytes and a 32-bit length.
func (c coder) oddLong(tag uint32, vr, value string) []byte {
	b := c.otherVR(tag, vr, "")
	return append(c.order.AppendUint32(b, uint32(len(value))), value...)
}

// forgiven is a data set with a fault that does not prevent reading it. body is placed between
// identity and the pixels.
type forgiven struct {
	name   string
	fault  part10.Fault
	syntax string // "" is explicit VR little endian
	coder  coder
	body   []byte
	// want is the value of the attribute that the library reads after the elements have been
	// rewritten; "" if it must be absent.
	at   tag.Tag
	want string
}

func forgivenCases() []forgiven {
	c, im := explicitLE, implicitLE
	seqEnd, itemEnd := c.head(0xFFFEE0DD, "", 0), c.head(0xFFFEE00D, "", 0)
	code := c.el(0x00080100, "SH", "ABCD")
	item := func(content ...[]byte) []byte {
		b := join(content...)
		return join(c.head(0xFFFEE000, "", uint32(len(b))), b)
	}
	seq := func(content ...[]byte) []byte {
		b := join(content...)
		return join(c.head(0x00400555, "SQ", uint32(len(b))), b)
	}
	after := c.el(0x00401001, "SH", "AFTER ")
	id := tag.RequestedProcedureID
	rows := tag.Rows
	return []forgiven{
		{"unknown VR, short", part10.UnknownVR, "", c, join(c.otherVR(0x00321060, "ZZ", "XXXXXX"), after), tag.RequestedProcedureDescription, "XXXXXX"},
		{"unknown VR, short, empty", part10.UnknownVR, "", c, join(c.otherVR(0x00321060, "ZZ", ""), after), id, "AFTER"},
		{"unknown VR, long", part10.UnknownVR, "", c, join(c.oddLong(0x00321060, "ZZ", "XXXX"), after), tag.RequestedProcedureDescription, "XXXX"},
		{"unknown VR, long, empty", part10.UnknownVR, "", c, join(c.oddLong(0x00321060, "ZZ", ""), after), id, "AFTER"},
		{"unknown VR, private, long", part10.UnknownVR, "", c, join(c.oddLong(0x00330010, "ZZ", strings.Repeat("A", 70000)), after), id, "AFTER"},
		{"unknown VRs in a row", part10.UnknownVR, "", c, join(c.otherVR(0x00330010, "ZZ", "AB"), c.otherVR(0x00330011, "ZZ", "CDEF"), after), id, "AFTER"},
		{"unknown VR, undefined length", part10.UnknownVR, "", c, join(c.otherVR(0x00330010, "ZZ", "")[:6], []byte{0, 0, 255, 255, 255, 255}, item(code), seqEnd, after), id, "AFTER"},
		{"VR of spaces", part10.BlankVR, "", c, join(c.otherVR(0x00321060, "  ", "XXXXXX"), after), tag.RequestedProcedureDescription, "XXXXXX"},
		{"VR of spaces, long", part10.BlankVR, "", c, join(c.oddLong(0x00330010, "  ", "XXXXXX"), after), id, "AFTER"},
		{"VR of question marks", part10.BlankVR, "", c, join(c.otherVR(0x00330010, "??", "ab"), after), id, "AFTER"},
		{"VRs of question marks in a row", part10.BlankVR, "", c, join(c.otherVR(0x00330010, "??", "ab"), c.otherVR(0x00330011, "??", ""), c.otherVR(0x00331000, "??", "abcd"), after), id, "AFTER"},
		{"VR of zeros", part10.BlankVR, "", c, join(c.otherVR(0x00330010, "\x00\x00", "ab"), after), id, "AFTER"},
		{"VR of a letter whose capital is one byte", part10.BlankVR, "", c, join(c.otherVR(0x00330010, "ſ", "ab"), after), id, "AFTER"},
		{"VR of a letter whose capital is three bytes", part10.BlankVR, "", c, join(c.otherVR(0x00330010, "ɐ", "ab"), after), id, "AFTER"},
		{"VR in lower case", part10.BlankVR, "", c, c.otherVR(0x00401001, "sh", "AFTER "), id, "AFTER"},
		{"sequence in lower case", part10.BlankVR, "", c, join(c.oddLong(0x00400555, "sq", string(item(code))), after), id, "AFTER"},
		{"implicit under explicit", part10.OtherEncoding, uid.ExplicitVRLittleEndian, im, im.el(0x00401001, "", "AFTER "), id, "AFTER"},
		{"explicit under implicit", part10.OtherEncoding, uid.ImplicitVRLittleEndian, c, after, id, "AFTER"},
		{"explicit inside UN", part10.OtherEncoding, "", c, join(c.head(0x00330010, "UN", open), item(code), seqEnd, after), id, "AFTER"},
		{"delimiter in a sequence of defined length", part10.StrayDelimiter, "", c, join(seq(item(code), seqEnd), after), id, "AFTER"},
		{"delimiter behind a sequence of defined length", part10.StrayDelimiter, "", c, join(seq(item(code)), seqEnd, after), id, "AFTER"},
		{"delimiter in an item of defined length", part10.StrayDelimiter, "", c, join(seq(item(code, itemEnd)), after), id, "AFTER"},
		{"delimiter behind an item of defined length", part10.StrayDelimiter, "", c, join(seq(item(code), itemEnd), after), id, "AFTER"},
		{"private sequence with both", part10.StrayDelimiter, "", c, join(c.head(0x00331001, "SQ", uint32(len(item(code))+8)), item(code), seqEnd, after), id, "AFTER"},
		{"out of order", part10.OutOfOrder, "", c, join(after, c.el(0x00321060, "LO", "LATE")), tag.RequestedProcedureDescription, "LATE"},
		{"twice", part10.Repeated, "", c, join(c.el(0x00401001, "SH", "FIRST "), c.el(0x00401001, "SH", "SECOND")), id, "FIRST"},
		{"Modality twice", part10.Repeated, "", c, join(after, c.el(0x00080060, "CS", "CR")), tag.Modality, "DX"},
		{"identity twice and equal", part10.Repeated, "", c, join(after, c.el(0x0020000D, "UI", "1.2.3")), tag.StudyInstanceUID, "1.2.3"},
		{"long station name", part10.LongValue, "", c, join(c.el(0x00081010, "SH", strings.Repeat("ROOM ", 60)), after), id, "AFTER"},
		{"long body part", part10.LongValue, "", c, join(c.el(0x00180015, "CS", strings.Repeat("HAND ", 60)), after), id, "AFTER"},
		{"Rows as UL", part10.PixelVR, "", c, c.el(0x00280010, "UL", "\x04\x00\x00\x00"), rows, "4"},
		{"Rows as SS", part10.PixelVR, "", c, c.el(0x00280010, "SS", "\x04\x00"), rows, "4"},
		{"Rows as UN", part10.PixelVR, "", c, c.el(0x00280010, "UN", "\x04\x00"), rows, "4"},
		{"Rows as IS", part10.PixelVR, "", c, c.el(0x00280010, "IS", "4 "), rows, "4"},
		{"Rows of four bytes in implicit VR", part10.PixelVR, uid.ImplicitVRLittleEndian, im, im.el(0x00280010, "", "\x04\x00\x00\x00"), rows, "4"},
		{"Rows as UL in big endian", part10.PixelVR, uid.ExplicitVRBigEndian, explicitBE, explicitBE.el(0x00280010, "UL", "\x00\x00\x00\x04"), rows, "4"},
	}
}

// dataset returns a data set with the body of the case, in its encoding and with ascending
// tags.
func (f forgiven) dataset() []byte {
	return join(f.coder.identity(), f.body, f.coder.el(0x7FE00010, "OW", string(make([]byte, 32))))
}

func (f forgiven) transferSyntax() string {
	if f.syntax == "" {
		return uid.ExplicitVRLittleEndian
	}
	return f.syntax
}

// TestForgiven: the receiver and the decoder read what DCMTK or pydicom reads, and report the
// fault.
func TestForgiven(t *testing.T) {
	for _, f := range forgivenCases() {
		t.Run(f.name, func(t *testing.T) {
			for shape, r := range map[string]io.Reader{"whole": bytes.NewReader(f.dataset()), "bytes": iotest.OneByteReader(bytes.NewReader(f.dataset()))} {
				head, err := part10.Scan(r, f.transferSyntax())
				if err != nil || !head.Forgiven.Has(f.fault) {
					t.Errorf("%s: forgiven %q, error %v; want %v", shape, head.Forgiven, err, f.fault)
				}
			}
			o, err := part10.Read(file(t, f.transferSyntax(), f.dataset()))
			if err != nil || !o.Forgiven.Has(f.fault) {
				t.Fatalf("decoder: %v; want %v", err, f.fault)
			}
			if got := attribute(parse(t, o.Elements), f.at); got != f.want {
				t.Errorf("%v is %q, want %q", f.at, got, f.want)
			}
			if pixels, err := o.Native(32); err != nil || len(pixels) != 32 {
				t.Errorf("pixels: %d bytes, error %v", len(pixels), err)
			}
		})
	}
}

// file adds file meta information to a data set.
func file(t testing.TB, transferSyntax string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := part10.WriteMeta(&b, meta(transferSyntax)); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), data...)
}

// parse parses the reader's output with the library.
func parse(t testing.TB, elements []byte) dicom.Dataset {
	t.Helper()
	b := file(t, uid.ExplicitVRLittleEndian, elements)
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatalf("the library does not parse what was written: %v", err)
	}
	return ds
}

// attribute returns the value of an attribute as text.
func attribute(ds dicom.Dataset, at tag.Tag) string {
	e, err := ds.FindElementByTag(at)
	if err != nil {
		return ""
	}
	switch v := e.Value.GetValue().(type) {
	case []string:
		return strings.TrimSpace(strings.Join(v, `\`))
	default:
		return strings.Trim(fmt.Sprint(v), "[]")
	}
}

// TestForgivenBehind: faults after the data set.
func TestForgivenBehind(t *testing.T) {
	deflated := deflate(t, explicitLE.image())
	zlib := join([]byte{0x78, 0x9C}, deflated, []byte{1, 2, 3, 4})
	for _, tt := range []struct {
		name, syntax string
		data         []byte
		fault        part10.Fault
	}{
		{"one zero", uid.ExplicitVRLittleEndian, join(explicitLE.image(), make([]byte, 1)), part10.TrailingZeros},
		{"many zeros", uid.ImplicitVRLittleEndian, join(implicitLE.image(), make([]byte, 5000)), part10.TrailingZeros},
		{"zeros, big endian", uid.ExplicitVRBigEndian, join(explicitBE.image(), make([]byte, 9)), part10.TrailingZeros},
		{"gzip trailer", uid.DeflatedExplicitVRLittleEndian, join(deflated, []byte("CRC32LEN")), part10.DeflateTrailer},
		{"zlib", uid.DeflatedExplicitVRLittleEndian, zlib, part10.ZlibHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head, err := part10.Scan(bytes.NewReader(tt.data), tt.syntax)
			if err != nil || !head.Forgiven.Has(tt.fault) {
				t.Errorf("forgiven %q, error %v; want %v", head.Forgiven, err, tt.fault)
			}
			o, err := part10.Read(file(t, tt.syntax, tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := o.Native(32); err != nil || len(b) != 32 {
				t.Errorf("pixels: %d bytes, error %v", len(b), err)
			}
		})
	}
}

// TestMetaInTheDataSet: file meta information that a device sends inside the data set is
// ignored; neither the encoding nor the identity is taken from it.
func TestMetaInTheDataSet(t *testing.T) {
	for ts, c := range map[string]coder{uid.ExplicitVRLittleEndian: explicitLE, uid.ImplicitVRLittleEndian: implicitLE, uid.ExplicitVRBigEndian: explicitBE} {
		other := uid.ImplicitVRLittleEndian
		if ts == other {
			other = uid.ExplicitVRBigEndian
		}
		data := join(c.el(0x00020003, "UI", "1.2.9\x00"), c.el(0x00020010, "UI", other+"\x00"), c.image())
		head, err := part10.Scan(bytes.NewReader(data), ts)
		if err != nil || !head.Forgiven.Has(part10.MetaElement) || head.SOPInstanceUID == "1.2.9" {
			t.Errorf("%s: scan: forgiven %q, error %v", uid.Name(ts), head.Forgiven, err)
		}
		o, err := part10.Read(file(t, ts, data))
		if err != nil {
			t.Errorf("%s: read: %v", uid.Name(ts), err)
			continue
		}
		if b, err := o.Native(32); err != nil || len(b) != 32 || o.TransferSyntaxUID != ts {
			t.Errorf("%s: transfer syntax %s, %d bytes of pixels, error %v", uid.Name(ts), o.TransferSyntaxUID, len(b), err)
		}
		parse(t, o.Elements)
	}
}

// TestNesting: 64 nested sequences can be read by all readers, 65 by none.
func TestNesting(t *testing.T) {
	c := explicitLE
	nested := func(depth int) []byte {
		b := c.el(0x00080100, "SH", "DEEP")
		for range depth {
			b = join(c.head(0x00400555, "SQ", uint32(8+len(b))), c.head(0xFFFEE000, "", uint32(len(b))), b)
		}
		return join(c.identity(), b, c.el(0x7FE00010, "OW", "ab"))
	}
	for _, depth := range []int{17, 64, 65} {
		_, err := part10.Scan(bytes.NewReader(nested(depth)), uid.ExplicitVRLittleEndian)
		o, err2 := part10.Read(file(t, uid.ExplicitVRLittleEndian, nested(depth)))
		if (err == nil) != (depth <= 64) || (err2 == nil) != (depth <= 64) {
			t.Fatalf("%d levels: receiver %v, decoder %v", depth, err, err2)
		}
		if err == nil {
			parse(t, o.Elements)
		}
	}
}

func TestForgivenString(t *testing.T) {
	c := explicitLE
	head, err := part10.Scan(bytes.NewReader(join(c.identity(), c.el(0x00180015, "CS", "FOOT"), make([]byte, 3))), uid.ExplicitVRLittleEndian)
	if want := "(0018,0015) BodyPartExamined: occurs again, the first counts; zeros behind the data set"; err != nil || head.Forgiven.String() != want {
		t.Errorf("got %q, %v, want %q", head.Forgiven, err, want)
	}
	if head.Forgiven == (part10.Forgiven{}) || !head.Forgiven.Any() || (part10.Forgiven{}).Any() {
		t.Error("Any does not tell faults from none")
	}
}
