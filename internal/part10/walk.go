package part10

import (
	"errors"
	"io"
	"math"
)

const (
	maxDepth  = 64            // sequences in sequences
	maxOffset = math.MaxInt64 // of levels without an end of their own
)

// level is one level of nesting.
type level struct {
	kind  levelKind
	enc   encoding
	open  bool    // of undefined length: a delimiter ends it
	end   int64   // offset after it, or after the nearest enclosing level that has one
	since element // the element that opened it
}

type levelKind uint8

const (
	dataset   levelKind = iota // elements of the top level
	item                       // elements of a sequence item
	sequence                   // items
	fragments                  // encapsulated pixel data (PS3.5 A.4)
)

// walker reads a data set with a stack of its own, so that nesting does not use Go's stack and
// can be limited. The streaming and the in-memory reader share it, so that structure is checked
// in one place only.
type walker struct {
	*window
	stack    []level
	base     int // levels outside the first of stack
	header   Header
	order    order
	build    *builder // gets the elements; nil if only the structure is checked
	rewrite  *rewriter
	visit    func(Step) error
	finished bool // Pixel Data has been reached and given to build
}

func newWalker(w *window, declared encoding) *walker {
	k := &walker{window: w}
	enc, other := w.dataEncoding(declared)
	if other {
		k.header.Forgiven.add(OtherEncoding, 0)
	}
	k.stack = append(make([]level, 0, 8), level{enc: enc, end: maxOffset})
	return k
}

// run reads until the data set ends, build has Pixel Data, or stop returns true for an element
// of the top level.
func (k *walker) run(stop func(element) bool) error {
	for !k.finished && len(k.stack) > 0 {
		top := &k.stack[len(k.stack)-1]
		if !top.open && k.offset() == top.end {
			k.pop()
			continue
		}
		if top.kind == dataset && k.zerosAhead() {
			return k.zeros()
		}
		el, err := k.next(top.enc, top.end)
		if err == io.EOF {
			return k.finish()
		}
		if err != nil {
			return err
		}
		if k.offset() > top.end {
			return el.fail("element runs past the end of %v", top.since.tag)
		}
		if top.kind == dataset && stop != nil && stop(el) {
			return nil
		}
		if err := k.enter(top, el); err != nil {
			return err
		}
	}
	return nil
}

// zerosAhead reports whether the next bytes are all zero, up to eight.
func (k *walker) zerosAhead() bool {
	b := k.look(8)
	return len(b) > 0 && allZero(b)
}

// zeros skips the rest of the stream, which must be zeros: padding that a device or a file
// system added after the data set.
func (k *walker) zeros() error {
	el := element{offset: k.offset()}
	if b := k.look(preamble + 4); el.offset == 0 && len(b) == preamble+4 && string(b[preamble:]) == "DICM" {
		return el.fail("a file with preamble where a data set is wanted")
	}
	for b := k.look(8); len(b) > 0; b = k.look(8) {
		if !allZero(b) {
			return el.fail("group 0000 in a data set")
		}
		if err := k.skip(int64(len(b))); err != nil {
			return err
		}
	}
	if !errors.Is(k.err, io.EOF) {
		return k.err
	}
	k.header.Forgiven.add(TrailingZeros, 0)
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// finish checks that the end of the stream is at the top level.
func (k *walker) finish() error {
	if top := k.stack[len(k.stack)-1]; top.kind != dataset {
		return top.since.fail("data set ends inside it")
	}
	return nil
}

// enter handles an element inside top.
func (k *walker) enter(top *level, el element) error {
	switch {
	case top.kind == sequence && el.tag == tagItem:
		return k.push(item, k.itemEncoding(top), el)
	case top.kind == fragments && el.tag == tagItem:
		if el.length == undefined {
			return el.fail("fragment of undefined length")
		}
		return k.pass(top, el)
	case el.tag == tagItemDelimitation, el.tag == tagSequenceDelimitation:
		return k.delimiter(top, el)
	case top.kind == sequence || top.kind == fragments:
		return el.fail("want an item inside %v", top.since.tag)
	case el.tag.group() == 0xFFFE:
		return el.fail("want a data element inside %v", top.since.tag)
	}
	return k.value(top, el)
}

// itemEncoding returns the encoding of the items of a sequence. Items in an element with VR UN
// are in implicit VR (PS3.5 6.2.2), but some devices use explicit VR.
func (k *walker) itemEncoding(seq *level) encoding {
	if seq.since.vr != "UN" {
		return seq.enc
	}
	enc, other := k.dataEncoding(seq.enc)
	if other {
		k.header.Forgiven.add(OtherEncoding, seq.since.tag)
	}
	return enc
}

// delimiter ends top, or is skipped if it ends nothing: some devices write one after a sequence
// or item of defined length too.
func (k *walker) delimiter(top *level, el element) error {
	if el.length != 0 {
		return el.fail("delimiter with a length of %d", el.length)
	}
	closes := tagSequenceDelimitation
	if top.kind == item {
		closes = tagItemDelimitation
	}
	switch {
	case top.kind != dataset && top.open && el.tag == closes:
		k.pop()
	case top.kind == fragments:
		return el.fail("want an item inside %v", top.since.tag)
	default:
		k.header.Forgiven.add(StrayDelimiter, top.since.tag)
	}
	return nil
}

// value handles an ordinary data element: it skips its value or opens a level.
func (k *walker) value(top *level, el element) error {
	if top.kind == dataset {
		if el.tag.group() == 2 && el.vr != "SQ" && el.length != undefined {
			return k.meta(el)
		}
		if err := k.outermost(&el); err != nil {
			return err
		}
	}
	k.note(el)
	switch {
	case el.vr == "SQ", k.rewrite != nil && el.vr == "" && dictionary(el.tag, el.length) == "SQ":
		return k.push(sequence, top.enc, el)
	case top.kind == dataset && el.tag == tagPixelData && k.build != nil:
		return k.pixelData(top, el)
	case el.length != undefined:
		return k.pass(top, el)
	case el.tag == tagPixelData, el.vr == "OB", el.vr == "OW":
		return k.push(fragments, top.enc, el)
	case el.vr == "UN", el.vr == "": // PS3.5 6.2.2: UN of undefined length is an implicit VR sequence
		return k.push(sequence, encoding{}, el)
	case el.otherVR: // as in DCMTK: a sequence in the surrounding encoding
		return k.push(sequence, top.enc, el)
	}
	return el.fail("undefined length with value representation %s", el.vr)
}

// meta skips an element of the file meta information inside a data set, which a device has sent
// by mistake. No reader gets it.
func (k *walker) meta(el element) error {
	k.header.Forgiven.add(MetaElement, el.tag)
	have := k.offset()
	err := k.skip(int64(el.length))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return el.fail("want %d bytes, have %d", el.length, k.offset()-have)
	}
	return err
}

// note records an unknown VR of el.
func (k *walker) note(el element) {
	switch {
	case el.noVR:
		k.header.Forgiven.add(BlankVR, el.tag)
	case el.otherVR:
		k.header.Forgiven.add(UnknownVR, el.tag)
	}
}

// outermost checks an element of the top level and collects its value.
func (k *walker) outermost(el *element) error {
	if el.tag.group() <= 2 {
		return el.fail("group %04X in a data set", el.tag.group())
	}
	var late bool
	el.repeated, late = k.order.add(el.tag)
	if el.repeated {
		k.header.Forgiven.add(Repeated, el.tag)
	}
	if late {
		k.header.Forgiven.add(OutOfOrder, el.tag)
	}
	if pixelAttribute[el.tag] && !el.repeated {
		if err := k.checkPixelAttribute(*el); err != nil {
			return err
		}
	}
	if field := k.header.field(el.tag); field != nil {
		return k.collect(field, *el)
	}
	return nil
}

// pass skips the value of el, after build, rewrite or visit has got it.
func (k *walker) pass(top *level, el element) error {
	if k.offset()+int64(el.length) > top.end {
		return el.fail("value of %d bytes runs past the end of %v", el.length, top.since.tag)
	}
	if k.build != nil {
		k.build.offer(k, top, el)
	}
	if k.rewrite != nil {
		return k.rewrite.value(k, top.enc, el)
	}
	if k.visit != nil {
		if err := k.visitValue(top, el); err != nil {
			return err
		}
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

// pixelData gives Pixel Data to build. What follows does not affect the image and is not read.
func (k *walker) pixelData(top *level, el element) error {
	k.build.pixel, k.build.big = el, top.enc.big
	if el.length == undefined {
		return k.push(fragments, top.enc, el)
	}
	k.finished = true
	if left := int64(len(k.buf) - k.lo); k.whole() && left < int64(el.length) {
		return el.fail("want %d bytes, have %d", el.length, left)
	}
	return nil
}

// push enters the level that el opens.
func (k *walker) push(kind levelKind, enc encoding, el element) error {
	if k.base+len(k.stack) > 2*maxDepth {
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
	if k.build != nil {
		k.build.open(in)
	}
	if k.rewrite != nil {
		if err := k.rewrite.open(in); err != nil {
			return err
		}
	}
	if k.visit != nil {
		if err := k.visitOpen(in); err != nil {
			return err
		}
	}
	k.stack = append(k.stack, in)
	return nil
}

func (k *walker) pop() {
	top := k.stack[len(k.stack)-1]
	k.stack = k.stack[:len(k.stack)-1]
	if k.rewrite != nil {
		k.rewrite.close(top)
	}
	if k.visit != nil {
		_ = k.visit(Step{Kind: EndStep, Tag: top.since.tag, Repeated: top.since.repeated}) // a visitor that returned an error returns it again at the next step
	}
	if k.build != nil {
		k.build.close(top)
		k.finished = top.kind == fragments && len(k.stack) == 1 && top.since.tag == tagPixelData
	}
}
