package part10

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"dicomnode/internal/uid"
)

// ErrEncapsulated says that compressed pixels cannot be written in a native transfer syntax
// without a codec.
var ErrEncapsulated = errors.New("dicom: pixel data are encapsulated")

// native are the transfer syntaxes that differ only in the encoding of elements (PS3.5 A.1 to
// A.3, A.5). [Rewrite] converts from each of them to those in little endian.
var native = []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian}

// IsNative reports whether a transfer syntax has native pixel data, which need no codec (PS3.5
// A.4).
func IsNative(transferSyntaxUID string) bool { return slices.Contains(native, transferSyntaxUID) }

// Rewritable returns the transfer syntaxes in which a data set in the transfer syntax from can
// be written without a codec: from itself first, then Explicit and Implicit VR Little Endian
// (PS3.5 10.1).
func Rewritable(from string) []string {
	if !IsNative(from) {
		return []string{from}
	}
	out := []string{from}
	for _, ts := range []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian} {
		if ts != from {
			out = append(out, ts)
		}
	}
	return out
}

// Rewrite reads the data set r in the transfer syntax from and writes it to w in Explicit or
// Implicit VR Little Endian. It streams: it keeps only the stack of sequences. It writes
// sequences and items with undefined length and leaves out group lengths, which would become
// wrong. Values stay unchanged, except that big endian is converted. Elements without a VR get
// that of PS3.6, else UN. For a malformed data set it returns a *SyntaxError, as [Scan] does,
// after it has written everything before the error.
func Rewrite(w io.Writer, r io.Reader, from, to string) error {
	if !IsNative(from) {
		return ErrEncapsulated
	}
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	src, enc := r, encodingOf(from)
	if from == uid.DeflatedExplicitVRLittleEndian {
		src = newInflater(r)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	k := newWalker(&window{src: src, buf: *buf}, enc)
	k.rewrite = &rewriter{w: out, to: encodingOf(to)}
	err := k.run(nil)
	if err == nil {
		err = k.rewrite.err
	}
	return cmp.Or(err, out.Flush()) // what precedes an error is written too
}

// Rewritten returns the output of [Rewrite] as a reader. Close it to stop Rewrite; then r is no
// longer read.
func Rewritten(r io.Reader, from, to string) io.ReadCloser {
	read, write := io.Pipe()
	p := &rewritten{PipeReader: read, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = write.CloseWithError(Rewrite(write, r, from, to)) // CloseWithError never fails
	}()
	return p
}

type rewritten struct {
	*io.PipeReader
	done chan struct{}
}

func (p *rewritten) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// rewriter writes the elements that the walker reads.
type rewriter struct {
	w      *bufio.Writer
	to     encoding
	signed bool // Pixel Representation (0028,0103) is 1
	err    error
}

// open begins a sequence or an item.
func (o *rewriter) open(in level) error {
	switch in.kind {
	case fragments:
		return ErrEncapsulated
	case sequence:
		o.head(in.since.tag, "SQ", undefined)
	case item:
		o.head(tagItem, "", undefined)
	}
	return o.err
}

// close ends a sequence or an item.
func (o *rewriter) close(in level) {
	switch in.kind {
	case sequence:
		o.head(tagSequenceDelimitation, "", 0)
	case item:
		o.head(tagItemDelimitation, "", 0)
	}
}

// value writes el, whose value is next in k.
func (o *rewriter) value(k *walker, enc encoding, el element) error {
	if el.tag == 0x00280103 && el.length == 2 {
		o.signed = len(k.look(2)) == 2 && enc.uint16(k.look(2)) == 1
	}
	vr := o.representation(el)
	if uint16(el.tag) != 0 {
		o.head(el.tag, vr, el.length)
	}
	width := representations[vr].width
	for left := int64(el.length); left > 0 && o.err == nil; {
		b := k.look(min(left, int64(len(k.buf))&^7))
		if len(b) == 0 {
			return el.fail("want %d bytes, have %d", el.length, int64(el.length)-left)
		}
		if uint16(el.tag) != 0 {
			o.bytes(b, enc.big, width)
		}
		left -= int64(len(b))
		if err := k.skip(int64(len(b))); err != nil {
			return err
		}
	}
	return o.err
}

// bytes writes a part of a value. Its length is a multiple of width, except for the last part.
func (o *rewriter) bytes(b []byte, big bool, width int) {
	if big && width > 1 {
		b = swapped(b, width)
	}
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
}

// representation returns the VR to write: that of el, or of PS3.6 if it has none.
func (o *rewriter) representation(el element) string {
	if _, known := representations[el.vr]; known {
		return el.vr
	}
	vr := dictionary(el.tag, el.length)
	switch {
	case pixelAttribute[el.tag] && el.length == 2:
		vr = "US"
	case o.signed && signedByPixels[el.tag]:
		vr = "SS"
	}
	rep, known := representations[vr]
	if !known || vr == "SQ" || el.length > maxShort && !rep.long || int(el.length)%rep.width != 0 {
		return "UN" // PS3.5 6.2.2
	}
	return vr
}

// head writes tag, VR and length (PS3.5 7.1.2, 7.1.3).
func (o *rewriter) head(t Tag, vr string, length uint32) {
	b := binary.LittleEndian.AppendUint16(make([]byte, 0, 12), t.group())
	b = binary.LittleEndian.AppendUint16(b, uint16(t))
	switch {
	case vr == "" || !o.to.explicit:
		b = binary.LittleEndian.AppendUint32(b, length)
	case LongForm(vr):
		b = binary.LittleEndian.AppendUint32(append(b, vr[0], vr[1], 0, 0), length)
	default:
		b = binary.LittleEndian.AppendUint16(append(b, vr[0], vr[1]), uint16(length))
	}
	o.bytes(b, false, 1)
}
