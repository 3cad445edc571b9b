package part10

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"dicomnode/internal/charset"
	"dicomnode/internal/uid"
)

// Object is a Part 10 file in memory, up to the end of its Pixel Data.
type Object struct {
	Header
	// Elements are the data elements before Pixel Data, rewritten in explicit VR little endian,
	// with a delimiter for every sequence and item. They include only even groups, and each tag
	// once at the top level. They do not include group lengths, nested Pixel Data, or values
	// longer than any attribute used here. Text is UTF-8, and Specific Character Set says so if
	// the file has one.
	Elements []byte
	// AsIs says that some text is in no known character set. Then all text in Elements is
	// unconverted, in CharacterSet, the value of Specific Character Set, which Elements does
	// not contain at the top level.
	AsIs         bool
	CharacterSet string
	Pixels       Pixels
	native       *window // on the value of native Pixel Data
}

// Read checks the structure of a Part 10 file up to the end of its Pixel Data, by the rules of
// [Scan]. If preamble, prefix or Transfer Syntax UID is missing, it detects the encoding from
// the first element. For a malformed file it returns a *SyntaxError or ErrNotPart10. The Object
// shares the memory of file.
func Read(file []byte) (*Object, error) {
	w, ts, enc, forgiven, err := openFile(file)
	if err != nil {
		return nil, err
	}
	o, err := readData(w, ts, enc, false)
	if err == nil && o.Forgiven.Has(Undecodable) {
		again := inMemory(file)
		again.lo = int(o.DatasetOffset)
		forgiven.join(o.Forgiven)
		o, err = readData(again, ts, enc, true)
	}
	if err != nil {
		return nil, err
	}
	o.Forgiven.join(forgiven)
	return o, nil
}

// readData reads the data set that is next in w. With asIs text is not converted.
func readData(w *window, ts string, enc encoding, asIs bool) (*Object, error) {
	o := &Object{Header: Header{TransferSyntaxUID: ts, DatasetOffset: w.offset()}}
	var in *inflater
	if ts == uid.DeflatedExplicitVRLittleEndian {
		w = w.inflated()
		in = w.src.(*inflater)
	}
	k := newWalker(w, enc)
	k.build = &builder{asIs: asIs, sets: make([]charset.Set, 1, 4)}
	if err := k.run(nil); err != nil {
		if in != nil {
			err = fmt.Errorf("inflated: %w", err)
		}
		return nil, err
	}
	k.header.TransferSyntaxUID, k.header.DatasetOffset = o.TransferSyntaxUID, o.DatasetOffset
	o.Header = k.header
	o.Forgiven.join(k.build.forgiven)
	if in != nil {
		o.Forgiven.join(in.forgiven)
	}
	if asIs {
		o.CharacterSet, o.AsIs = k.build.sets[0].String(), true
	}
	o.Elements, o.Pixels = k.build.out, k.build.pixels()
	if k.finished && !o.Pixels.Encapsulated {
		o.native = w
	}
	return o, nil
}

// openFile finds the data set in a file and its encoding.
func openFile(file []byte) (w *window, ts string, enc encoding, forgiven Forgiven, err error) {
	w = inMemory(file)
	if err := w.prefix(); err != nil {
		forgiven.add(NoPrefix, 0)
	}
	if ts, err = readMeta(w); err != nil {
		return nil, "", enc, forgiven, err
	}
	if ts != "" {
		return w, ts, encodingOf(ts), forgiven, nil
	}
	enc, ok := w.guessEncoding()
	switch {
	case !ok && forgiven.Has(NoPrefix):
		return nil, "", enc, forgiven, ErrNotPart10
	case !ok:
		return nil, "", enc, forgiven, errNoTransferSyntax
	}
	forgiven.add(NoTransferSyntax, tagTransferSyntaxUID)
	return w, enc.transferSyntax(), enc, forgiven, nil
}

// Recognise reports whether r begins like a file that Read accepts: with preamble and prefix
// (PS3.10 7.1), file meta information, or a data set. It reads up to 8 KiB.
func Recognise(r io.Reader) bool {
	w := &window{src: r, buf: make([]byte, 8<<10)}
	if w.prefix() == nil {
		return true
	}
	if b := w.look(2); len(b) == 2 && binary.LittleEndian.Uint16(b) == 2 {
		return w.plausible(encoding{explicit: true})
	}
	_, ok := w.guessEncoding()
	return ok
}

// Native returns the first n bytes of native Pixel Data. It reads no further, so that a
// deflated data set needs no more memory than requested. Call it only once.
func (o *Object) Native(n int64) ([]byte, error) {
	if o.native == nil || n < 0 || n > o.Pixels.Length {
		return nil, fmt.Errorf("dicom: want %d bytes of native pixel data, have %d", n, o.Pixels.Length)
	}
	if o.native.whole() {
		return o.native.peek(int(n))
	}
	b := make([]byte, n)
	had := copy(b, o.native.look(int64(len(o.native.buf))))
	if err := o.native.skip(int64(had)); err != nil {
		return nil, err
	}
	more, err := io.ReadFull(o.native.src, b[had:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &SyntaxError{tagPixelData, o.native.offset(), fmt.Sprintf("want %d bytes, have %d", n, had+more)}
	}
	return b, err
}
