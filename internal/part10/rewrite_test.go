package part10_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// encodedFile adds file meta information to a data set.
func encodedFile(t testing.TB, transferSyntax string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := part10.WriteMeta(&b, meta(transferSyntax)); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), data...)
}

// content is the content of a data set, independent of its encoding.
type content struct {
	Elements, Pixels []byte
	Header           part10.Header
}

func read(t testing.TB, transferSyntax string, data []byte) content {
	t.Helper()
	o, err := part10.Read(encodedFile(t, transferSyntax, data))
	if err != nil {
		t.Fatal(err)
	}
	pixels, err := o.Native(o.Pixels.Length)
	if err != nil {
		t.Fatal(err)
	}
	if o.Pixels.BigEndian { // two bytes a sample in the images of this test
		pixels = slices.Clone(pixels)
		for p := pixels; len(p) > 1; p = p[2:] {
			p[0], p[1] = p[1], p[0]
		}
	}
	head := o.Header
	head.TransferSyntaxUID, head.DatasetOffset, head.Forgiven = "", 0, part10.Forgiven{}
	return content{o.Elements, pixels, head}
}

func rewrite(t testing.TB, data []byte, from, to string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := part10.Rewrite(&b, bytes.NewReader(data), from, to); err != nil {
		t.Fatalf("from %s to %s: %v", uid.Name(from), uid.Name(to), err)
	}
	if _, err := part10.Scan(bytes.NewReader(b.Bytes()), to); err != nil {
		t.Fatalf("from %s to %s: written: %v", uid.Name(from), uid.Name(to), err)
	}
	return b.Bytes()
}

// TestRewrite: a data set with sequences of defined and undefined length has the same content
// in all native transfer syntaxes.
func TestRewrite(t *testing.T) {
	sets := map[string][]byte{
		uid.ImplicitVRLittleEndian: implicitLE.image(), uid.ExplicitVRLittleEndian: explicitLE.image(),
		uid.ExplicitVRBigEndian: explicitBE.image(), uid.DeflatedExplicitVRLittleEndian: deflate(t, explicitLE.image()),
	}
	for from, data := range sets {
		want := read(t, from, data)
		if len(want.Elements) == 0 || len(want.Pixels) == 0 {
			t.Fatal("the image has no content")
		}
		for _, to := range []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian} {
			got := read(t, to, rewrite(t, data, from, to))
			if d := cmp.Diff(want, got, cmp.AllowUnexported(part10.Forgiven{})); d != "" {
				t.Errorf("from %s to %s (-before +after):\n%s", uid.Name(from), uid.Name(to), d)
			}
		}
	}
}

// TestRewriteBytes pins the layout (PS3.5 7.1.2, 7.1.3, 7.5).
func TestRewriteBytes(t *testing.T) {
	c, im := explicitLE, implicitLE
	const open = 0xFFFFFFFF
	item := func(c coder, n uint32, inside []byte) []byte { return join(c.head(0xFFFEE000, "", n), inside) }
	inside := c.el(0x00080100, "SH", "T-D000")
	explicit := join(
		c.el(0x00080000, "UL", "\x08\x00\x00\x00"), // group length, left out
		c.head(0x00082218, "SQ", uint32(8+len(inside))), item(c, uint32(len(inside)), inside),
		c.el(0x00091001, "UN", "ab"), c.us(0x00280010, 4), c.el(0x7FE00010, "OW", "abcd"))
	implicit := join(
		im.head(0x00082218, "", open), item(im, open, im.el(0x00080100, "", "T-D000")),
		im.head(0xFFFEE00D, "", 0), im.head(0xFFFEE0DD, "", 0),
		im.el(0x00091001, "", "ab"), im.us(0x00280010, 4), im.el(0x7FE00010, "", "abcd"))
	if got := rewrite(t, explicit, uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian); !bytes.Equal(got, implicit) {
		t.Errorf("implicit: got\n%x, want\n%x", got, implicit)
	}
	again := join(
		c.head(0x00082218, "SQ", open), item(c, open, inside), c.head(0xFFFEE00D, "", 0), c.head(0xFFFEE0DD, "", 0),
		c.el(0x00091001, "UN", "ab"), c.us(0x00280010, 4), c.el(0x7FE00010, "OW", "abcd"))
	if got := rewrite(t, implicit, uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian); !bytes.Equal(got, again) {
		t.Errorf("explicit: got\n%x, want\n%x", got, again)
	}
}

// TestRewriteShared: real files with native pixels keep their content.
func TestRewriteShared(t *testing.T) {
	rewritten := 0
	for _, name := range sharedFiles(t) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		o, err := part10.Read(b)
		if err != nil || o.Pixels.Encapsulated || o.Pixels.BigEndian || o.DatasetOffset == 0 {
			continue
		}
		from, data := o.TransferSyntaxUID, b[o.DatasetOffset:]
		want := read(t, from, data)
		for _, to := range part10.Rewritable(from)[1:] {
			got := read(t, to, rewrite(t, data, from, to))
			if !bytes.Equal(got.Pixels, want.Pixels) || got.Header != want.Header {
				t.Errorf("%s to %s: other pixels or header", name, uid.Name(to))
			}
		}
		rewritten++
	}
	if rewritten == 0 {
		t.Error("no native file among the shared ones")
	}
}

func TestRewriteRefuses(t *testing.T) {
	whole := explicitLE.image()
	if err := part10.Rewrite(io.Discard, bytes.NewReader(encapsulated()), jpegLossless, uid.ImplicitVRLittleEndian); !errors.Is(err, part10.ErrEncapsulated) {
		t.Errorf("compressed: got %v", err)
	}
	if err := part10.Rewrite(io.Discard, bytes.NewReader(encapsulated()), uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian); !errors.Is(err, part10.ErrEncapsulated) {
		t.Errorf("compressed under a native transfer syntax: got %v", err)
	}
	r := part10.Rewritten(bytes.NewReader(whole[:len(whole)-3]), uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
	var broken *part10.SyntaxError
	if _, err := io.Copy(io.Discard, r); !errors.As(err, &broken) {
		t.Errorf("cut: got %v, want a SyntaxError, never a good end", err)
	}
	r.Close()
	r = part10.Rewritten(bytes.NewReader(whole), uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
	if err := r.Close(); err != nil { // not read: its goroutine must end
		t.Error(err)
	}
}

// FuzzRewrite: for any bytes it does not panic, and the output is not much longer than the
// input.
func FuzzRewrite(f *testing.F) {
	for _, data := range [][]byte{explicitLE.image(), unknown(), implicitLE.image()} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, from := range []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian} {
			for _, to := range part10.Rewritable(from)[1:] {
				var b bytes.Buffer
				if part10.Rewrite(&b, bytes.NewReader(data), from, to) != nil {
					continue
				}
				if b.Len() > 3*len(data)+64 {
					t.Errorf("%d bytes became %d", len(data), b.Len())
				}
			}
		}
	})
}
