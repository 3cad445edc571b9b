package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
)

const (
	undefinedLength = 0xFFFFFFFF
	maxDepth        = 16        // sequences inside sequences
	maxHeader       = 16 << 20  // bytes of a data set before its pixels
	maxElements     = 1 << 18   // data elements and items before the pixels
	maxInflated     = 320 << 20 // bytes a deflated data set may unfold to
	firstInflated   = 1 << 16   // bytes of it in which Pixel Data is looked for first
)

const (
	tagPixelData            = 0x7FE00010
	tagItem                 = 0xFFFEE000
	tagItemDelimitation     = 0xFFFEE00D
	tagSequenceDelimitation = 0xFFFEE0DD
)

// layout is where the parts of a Part 10 file are.
type layout struct {
	data           []byte // the file, inflated where it was deflated
	transferSyntax string // as stored
	order          binary.ByteOrder
	implicit       bool
	parts          [][]byte // the data elements before Pixel Data that the library reads rightly
	pixels         []byte   // value of Pixel Data (7FE0,0010); fragments when encapsulated
	pixelVR        string   // "" in implicit VR
	encapsulated   bool
	end            int64 // where Pixel Data is to end, 0 while its header has not been seen
}

// survey checks the structure of a Part 10 file (PS3.10 7.1, PS3.5 7) before any
// library sees it: every length lies within what holds it, nesting and number of
// elements are bounded, so that parsing layout.parts costs no more than its size.
func survey(file []byte) (*layout, error) {
	if len(file) < 132 || string(file[128:132]) != "DICM" {
		return nil, fmt.Errorf("%w: no DICM prefix at byte 128", ErrMalformed)
	}
	l := &layout{data: file, order: binary.LittleEndian}
	meta := &walker{data: file, pos: 132, order: binary.LittleEndian}
	if err := meta.fileMeta(l); err != nil {
		return nil, err
	}
	if err := l.inflate(meta.pos); err != nil {
		return nil, err
	}
	w := &walker{data: l.data, pos: meta.pos, order: l.order, implicit: l.implicit}
	return l, w.dataset(l)
}

// fileMeta reads group 0002 (PS3.10 Table 7.1-1), explicit VR little endian.
func (w *walker) fileMeta(l *layout) error {
	for w.pos+2 <= len(w.data) && w.order.Uint16(w.data[w.pos:]) == 2 {
		e, err := w.element()
		if err != nil {
			return err
		}
		if e.length == undefinedLength || int(e.length) > len(w.data)-w.pos {
			return w.fail(e, "length runs past the end")
		}
		if e.tag == 0x00020010 {
			l.transferSyntax = string(bytes.TrimRight(w.data[w.pos:w.pos+int(e.length)], " \x00"))
		}
		w.pos += int(e.length)
	}
	switch l.transferSyntax {
	case "":
		return fmt.Errorf("%w: no Transfer Syntax UID (0002,0010)", ErrMalformed)
	case uid.ImplicitVRLittleEndian:
		l.implicit = true
	case uid.ExplicitVRBigEndian:
		l.order = binary.BigEndian
	}
	return nil
}

// walker steps through encoded data elements.
type walker struct {
	data     []byte
	pos      int
	order    binary.ByteOrder
	implicit bool
	elements int
	foreign  bool // the current top-level element holds something the library misreads
}

type element struct {
	tag    uint32
	vr     string // "" in implicit VR and for items
	length uint32
	at     int
}

func (w *walker) fail(e element, why string) error {
	return fmt.Errorf("%w: (%04X,%04X) at byte %d: %s", ErrMalformed, e.tag>>16, e.tag&0xFFFF, e.at, why)
}

// element reads a tag, value representation and length (PS3.5 7.1.2, 7.1.3).
func (w *walker) element() (element, error) {
	e := element{at: w.pos}
	b := w.data[w.pos:]
	if len(b) < 8 {
		return e, fmt.Errorf("%w: data element header at byte %d is cut off", ErrMalformed, w.pos)
	}
	if w.elements++; w.elements > maxElements {
		return e, fmt.Errorf("%w: more than %d data elements", ErrMalformed, maxElements)
	}
	e.tag = uint32(w.order.Uint16(b))<<16 | uint32(w.order.Uint16(b[2:]))
	if w.implicit || e.tag>>16 == 0xFFFE {
		e.length = w.order.Uint32(b[4:])
		w.pos += 8
		return e, nil
	}
	e.vr = string(b[4:6])
	if !longForm[e.vr] {
		e.length = uint32(w.order.Uint16(b[6:]))
		w.pos += 8
		return e, nil
	}
	if len(b) < 12 {
		return e, w.fail(e, "header is cut off")
	}
	e.length = w.order.Uint32(b[8:])
	w.pos += 12
	return e, nil
}

// longForm are the value representations with a 32-bit length (PS3.5 Table 7.1-1).
var longForm = map[string]bool{
	"OB": true, "OD": true, "OF": true, "OL": true, "OV": true, "OW": true, "SQ": true,
	"SV": true, "UC": true, "UN": true, "UR": true, "UT": true, "UV": true,
}

// misread are those of them whose length the parsing library takes for 16 bits.
var misread = map[string]bool{"OV": true, "SV": true, "UV": true}

// dataset walks the top level up to Pixel Data and records where that is. An element
// the library would misread is left out of layout.parts as a whole.
func (w *walker) dataset(l *layout) error {
	from := w.pos
	for w.pos < len(w.data) {
		if w.pos > maxHeader {
			return fmt.Errorf("%w: more than %d bytes before Pixel Data", ErrUnsupported, maxHeader)
		}
		e, err := w.element()
		if err != nil {
			return err
		}
		if e.tag == tagPixelData {
			l.parts = append(l.parts, w.data[from:e.at])
			return w.pixelData(l, e)
		}
		if e.tag>>16 == 2 || e.tag>>16 == 0xFFFE {
			return w.fail(e, "does not belong into a data set")
		}
		w.foreign = false
		if err := w.value(e, len(w.data), 0); err != nil {
			return err
		}
		if w.foreign {
			l.parts = append(l.parts, w.data[from:e.at])
			from = w.pos
		}
	}
	return fmt.Errorf("%w: no Pixel Data (7FE0,0010)", ErrMalformed)
}

func (w *walker) pixelData(l *layout, e element) error {
	l.pixelVR = e.vr
	l.encapsulated = e.length == undefinedLength
	if l.encapsulated {
		l.pixels, l.end = w.data[w.pos:], int64(len(w.data))
		return nil
	}
	l.end = int64(w.pos) + int64(e.length)
	if int64(e.length) > int64(len(w.data)-w.pos) {
		return w.fail(e, fmt.Sprintf("want %d bytes, have %d", e.length, len(w.data)-w.pos))
	}
	l.pixels = w.data[w.pos : w.pos+int(e.length)]
	return nil
}

// value passes over the value of e, which must end at or before end.
func (w *walker) value(e element, end, depth int) error {
	open := e.length == undefinedLength
	if misread[e.vr] || e.tag == tagPixelData || e.length == 0xFFFF && !longForm[e.vr] && !w.implicit {
		w.foreign = true
	}
	if !open && int64(e.length) > int64(end-w.pos) {
		return w.fail(e, fmt.Sprintf("length %d runs past the end of what holds it", e.length))
	}
	if !open && !w.sequence(e) {
		w.pos += int(e.length)
		return nil
	}
	if !open {
		end = w.pos + int(e.length)
	}
	if depth >= maxDepth {
		return w.fail(e, "sequences nested too deep")
	}
	if e.vr == "UN" && !w.implicit { // PS3.5 6.2.2: its items are in implicit VR little endian
		w.foreign = true
		inner := *w
		inner.implicit, inner.order = true, binary.LittleEndian
		err := inner.items(e, end, depth+1)
		w.pos, w.elements = inner.pos, inner.elements
		return err
	}
	return w.items(e, end, depth+1)
}

// sequence reports whether e of defined length holds items.
func (w *walker) sequence(e element) bool {
	if !w.implicit {
		return e.vr == "SQ"
	}
	info, err := tag.Find(tag.Tag{Group: uint16(e.tag >> 16), Element: uint16(e.tag)})
	return err == nil && info.VRs[0] == "SQ"
}

// items walks the items of a sequence, or the fragments of an undefined length OB/OW.
func (w *walker) items(seq element, end, depth int) error {
	fragments := seq.vr == "OB" || seq.vr == "OW" || seq.tag == tagPixelData
	for seq.length == undefinedLength || w.pos < end {
		it, err := w.element()
		switch {
		case err != nil:
			return err
		case it.tag == tagSequenceDelimitation && seq.length == undefinedLength:
			return nil
		case it.tag != tagItem:
			return w.fail(it, "want an item")
		case it.length == undefinedLength && fragments:
			return w.fail(it, "fragment of undefined length")
		case it.length != undefinedLength && int64(it.length) > int64(end-w.pos):
			return w.fail(it, "item runs past the end of its sequence")
		}
		if fragments {
			w.pos += int(it.length)
			continue
		}
		if err := w.item(it, end, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) item(it element, end, depth int) error {
	if it.length != undefinedLength {
		end = w.pos + int(it.length)
	}
	for it.length == undefinedLength || w.pos < end {
		e, err := w.element()
		if err != nil {
			return err
		}
		if e.tag == tagItemDelimitation && it.length == undefinedLength {
			return nil
		}
		if err := w.value(e, end, depth); err != nil {
			return err
		}
	}
	return nil
}
