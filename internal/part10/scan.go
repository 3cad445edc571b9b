package part10

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"dicomnode/internal/uid"
)

const (
	maxDepth    = 64         // of sequences in sequences
	maxValue    = 256        // bytes of a value that is collected
	maxInflated = 4 << 30    // bytes of a deflated data set
	headerEnd   = 0x0020000E // the last attribute of Header (Series Instance UID)
)

// ErrInflated says that a deflated data set is longer than any radiograph.
var ErrInflated = errors.New("dicom: deflated data set expands beyond 4 GiB")

// Scan reads a data set without file meta information to its end and checks
// that its elements, sequences, items and fragments are whole (PS3.5 section
// 7, A.4). A malformed or truncated one is a *SyntaxError; an error of r is
// returned as it is. r is read to io.EOF unless there is an error, in pieces
// of up to 1 MiB. Lengths are believed only as far as bytes follow, so memory
// does not depend on the data.
func Scan(r io.Reader, transferSyntaxUID string) (Header, error) {
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	if transferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		return scanDeflated(r, *buf)
	}
	k := newWalker(&window{src: r, buf: *buf}, encodingOf(transferSyntaxUID))
	err := k.run(math.MaxUint32)
	k.header.TransferSyntaxUID = transferSyntaxUID
	return k.header, err
}

// scanDeflated scans PS3.5 A.5: a raw deflate stream (RFC 1951), possibly
// padded with a zero byte to even length.
func scanDeflated(r io.Reader, buf []byte) (Header, error) {
	src := bufio.NewReaderSize(r, 128<<10)
	k := newWalker(&window{src: &bounded{flate.NewReader(src), maxInflated}, buf: buf}, encoding{explicit: true})
	err := k.run(math.MaxUint32)
	k.header.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
	if err != nil {
		return k.header, fmt.Errorf("inflated: %w", err)
	}
	rest, err := io.Copy(io.Discard, src)
	if err == nil && rest > 1 {
		err = fmt.Errorf("dicom: %d bytes follow the deflated data set", rest)
	}
	return k.header, err
}

// bounded is a reader of which at most left bytes may be read.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrInflated
	}
	return n, err
}

// A level is what the walker is inside of.
type level struct {
	kind  levelKind
	enc   encoding
	open  bool    // of undefined length: ends with a delimiter
	end   int64   // offset behind it, or behind the nearest level that has one
	since element // what opened it
}

type levelKind uint8

const (
	dataset   levelKind = iota // the outermost elements
	item                       // elements of a sequence item
	sequence                   // items
	fragments                  // encapsulated pixel data (PS3.5 A.4)
)

// walker walks a data set with a stack of its own, so that nesting costs no
// Go stack and has a limit.
type walker struct {
	*window
	stack  []level
	header Header
	found  map[Tag]bool
}

func newWalker(w *window, enc encoding) *walker {
	return &walker{
		window: w,
		stack:  append(make([]level, 0, 8), level{enc: enc, end: math.MaxInt64}),
		found:  make(map[Tag]bool, 8),
	}
}

// run walks until the data set ends or, at its top level, an element beyond
// last begins.
func (k *walker) run(last Tag) error {
	for {
		top := &k.stack[len(k.stack)-1]
		if !top.open && k.offset() == top.end {
			k.pop()
			continue
		}
		el, err := k.next(top.enc)
		if err == io.EOF {
			return k.finish()
		}
		if err != nil {
			return err
		}
		if k.offset() > top.end {
			return el.fail("element runs past the end of %v", top.since.tag)
		}
		if top.kind == dataset && el.tag > last {
			return nil
		}
		if err := k.enter(top, el); err != nil {
			return err
		}
	}
}

// finish judges the end of the stream between two elements.
func (k *walker) finish() error {
	if top := k.stack[len(k.stack)-1]; top.kind != dataset {
		return top.since.fail("data set ends inside it")
	}
	return nil
}

// enter does what the element asks for inside top.
func (k *walker) enter(top *level, el element) error {
	switch {
	case top.kind == sequence && el.tag == tagItem:
		return k.push(item, top.enc, el)
	case top.kind == fragments && el.tag == tagItem:
		if el.length == undefined {
			return el.fail("fragment of undefined length")
		}
		return k.pass(top, el)
	case top.kind == sequence || top.kind == fragments:
		return k.leave(top, el, tagSequenceDelimitation, "an item")
	case el.tag.group() == 0xFFFE:
		return k.leave(top, el, tagItemDelimitation, "a data element")
	}
	return k.value(top, el)
}

// leave ends top, which el must be the delimiter of.
func (k *walker) leave(top *level, el element, delimiter Tag, want string) error {
	if el.tag != delimiter || !top.open || top.kind == dataset {
		return el.fail("want %s inside %v", want, top.since.tag)
	}
	if el.length != 0 {
		return el.fail("delimiter with a length of %d", el.length)
	}
	k.pop()
	return nil
}

// value handles an ordinary data element: a value to collect, to pass over, or
// a level to go into.
func (k *walker) value(top *level, el element) error {
	if top.kind == dataset {
		if el.tag.group() <= 2 {
			return el.fail("group %04X in a data set", el.tag.group())
		}
		if err := el.check(); err != nil {
			return err
		}
		if field := k.field(el.tag); field != nil {
			return k.collect(field, el)
		}
	}
	switch {
	case el.vr == "SQ":
		return k.push(sequence, top.enc, el)
	case el.length != undefined:
		return k.pass(top, el)
	case el.tag == tagPixelData, el.vr == "OB", el.vr == "OW":
		return k.push(fragments, top.enc, el)
	case el.vr == "UN", el.vr == "": // PS3.5 6.2.2: UN of undefined length is an implicit VR sequence
		return k.push(sequence, encoding{}, el)
	}
	return el.fail("undefined length with value representation %s", el.vr)
}

// pass passes over the value of el.
func (k *walker) pass(top *level, el element) error {
	if k.offset()+int64(el.length) > top.end {
		return el.fail("value of %d bytes runs past the end of %v", el.length, top.since.tag)
	}
	have := k.offset()
	if err := k.skip(int64(el.length)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return el.fail("want %d bytes, have %d", el.length, k.offset()-have)
		}
		return err
	}
	return nil
}

// push goes into the level that el opens.
func (k *walker) push(kind levelKind, enc encoding, el element) error {
	if len(k.stack) == maxDepth {
		return el.fail("nested deeper than %d levels", maxDepth)
	}
	outer := k.stack[len(k.stack)-1].end
	in := level{kind: kind, enc: enc, open: el.length == undefined, end: outer, since: el}
	if !in.open {
		in.end = k.offset() + int64(el.length)
		if in.end > outer {
			return el.fail("length of %d bytes runs past the end of what holds it", el.length)
		}
	}
	k.stack = append(k.stack, in)
	return nil
}

func (k *walker) pop() { k.stack = k.stack[:len(k.stack)-1] }

// exact lists attributes whose value has one length whatever it is: those that
// give the size of the pixels (PS3.6: US, VM 1).
var exact = map[Tag]uint32{
	0x00280002: 2, 0x00280010: 2, 0x00280011: 2,
	0x00280100: 2, 0x00280101: 2, 0x00280102: 2, 0x00280103: 2,
}

func (el element) check() error {
	if want, ok := exact[el.tag]; ok && el.length != want {
		return el.fail("want %d bytes, have %d", want, el.length)
	}
	return nil
}

// field is where the value of t belongs, nil when it is not collected.
func (k *walker) field(t Tag) *string {
	switch t {
	case 0x00080016:
		return &k.header.SOPClassUID
	case 0x00080018:
		return &k.header.SOPInstanceUID
	case 0x00080060:
		return &k.header.Modality
	case 0x00180015:
		return &k.header.BodyPartExamined
	case 0x0020000D:
		return &k.header.StudyInstanceUID
	case 0x0020000E:
		return &k.header.SeriesInstanceUID
	}
	return nil
}

// collect stores the value of el, without padding (PS3.5 6.2).
func (k *walker) collect(field *string, el element) error {
	if k.found[el.tag] {
		return el.fail("occurs twice")
	}
	k.found[el.tag] = true
	if el.length > maxValue {
		return el.fail("value of %d bytes, want at most %d", el.length, maxValue)
	}
	b, err := k.peek(int(el.length))
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return el.fail("want %d bytes, have %d", el.length, k.hi-k.lo)
		}
		return err
	}
	*field = strings.Map(printable, strings.Trim(string(b), " \x00"))
	return k.skip(int64(el.length))
}

// printable keeps what the default repertoire prints (PS3.5 6.1.2.1), so that
// a collected value can be shown anywhere.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
