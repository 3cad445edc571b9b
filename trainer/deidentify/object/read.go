package object

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/suyashkumar/dicom/pkg/charset"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const (
	// MaxFile is the size of the largest file that is read, and of a deflated data
	// set when inflated, in bytes.
	MaxFile = 320 << 20

	undefined   = 0xFFFFFFFF
	maxDepth    = 32
	maxElements = 1 << 19
)

// Parse reads a Part 10 file. The tree refers to file, which must not be changed
// afterwards. Errors wrap ErrMalformed and quote no value.
func Parse(file []byte) (*Object, error) { return parse(file, false) }

// parse reads a file, or only what stands before its pixel data: then the error is
// errHeadOnly where there are some.
func parse(file []byte, head bool) (*Object, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("%w: file of %d bytes, at most %d", ErrMalformed, len(file), MaxFile)
	}
	if len(file) < 132 || string(file[128:132]) != "DICM" {
		return nil, fmt.Errorf("%w: no DICM prefix at byte 128 (PS3.10 7.1)", ErrMalformed)
	}
	meta := &reader{data: file, pos: 132, order: binary.LittleEndian}
	o := &Object{Meta: &Set{}}
	for meta.pos+2 <= len(file) && binary.LittleEndian.Uint16(file[meta.pos:]) == 2 {
		e, err := meta.element(len(file), 0, &Set{})
		if err != nil {
			return nil, err
		}
		o.Meta.Put(e)
	}
	o.TransferSyntaxUID = o.Meta.First(0x00020010)
	r, err := body(file, meta.pos, o.TransferSyntaxUID, head)
	if err != nil {
		return nil, err
	}
	r.head = head
	o.Set, err = r.set(len(r.data), false, 0, charset.CodingSystem{})
	return o, err
}

// body is a reader of the data set in its transfer syntax.
func body(file []byte, pos int, transferSyntax string, head bool) (*reader, error) {
	r := &reader{data: file, pos: pos, order: binary.LittleEndian}
	switch transferSyntax {
	case "":
		return nil, fmt.Errorf("%w: no Transfer Syntax UID (0002,0010)", ErrMalformed)
	case uid.ImplicitVRLittleEndian:
		r.implicit = true
	case uid.ExplicitVRBigEndian:
		r.order = binary.BigEndian
	case uid.DeflatedExplicitVRLittleEndian:
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(file[pos:])), MaxFile+1))
		if err != nil && !(head && errors.Is(err, io.ErrUnexpectedEOF)) || len(inflated) > MaxFile {
			return nil, fmt.Errorf("%w: deflated data set is damaged or larger than %d bytes", ErrMalformed, MaxFile)
		}
		r.data, r.pos = inflated, 0
	}
	return r, nil
}

// reader steps through encoded elements.
type reader struct {
	data     []byte
	pos      int
	order    binary.ByteOrder
	implicit bool
	signed   bool // Pixel Representation of the data set
	elements int
	head     bool // stop at the pixel data
}

func (r *reader) fail(t part10.Tag, why string) error {
	return fmt.Errorf("%w: (%04X,%04X) at byte %d: %s", ErrMalformed, uint16(t>>16), uint16(t), r.pos, why)
}

// set reads elements until end or, where open, an item delimitation.
func (r *reader) set(end int, open bool, depth int, coding charset.CodingSystem) (*Set, error) {
	s := &Set{Charset: coding}
	for open || r.pos < end {
		if len(r.data)-r.pos >= 8 && r.tag() == tagItemDelimitation && open {
			r.pos += 8
			return s, nil
		}
		if r.head && depth == 0 && len(r.data)-r.pos >= 8 && r.tag() == PixelData {
			return s, errHeadOnly
		}
		e, err := r.element(end, depth, s)
		if err != nil {
			return nil, err
		}
		r.notice(s, e)
		s.Put(e)
	}
	return s, nil
}

// notice keeps what the meaning of later elements depends on.
func (r *reader) notice(s *Set, e *Element) {
	switch {
	case e.Tag == tagPixelRepresentation && len(e.Value) == 2:
		r.signed = e.Value[0] == 1
	case e.Tag == tagSpecificCharacterSet:
		if coding, err := charset.ParseSpecificCharacterSet(s.TextOf(e)); err == nil {
			s.Charset = coding
		}
	}
}

func (r *reader) tag() part10.Tag {
	return part10.Tag(r.order.Uint16(r.data[r.pos:]))<<16 | part10.Tag(r.order.Uint16(r.data[r.pos+2:]))
}

// start reads tag, VR and length (PS3.5 7.1.2, 7.1.3).
func (r *reader) start() (t part10.Tag, vr string, length uint32, err error) {
	b := r.data[r.pos:]
	if r.elements++; len(b) < 8 || r.elements > maxElements {
		return 0, "", 0, fmt.Errorf("%w: element at byte %d is cut off, or more than %d elements", ErrMalformed, r.pos, maxElements)
	}
	t = r.tag()
	if r.implicit || t>>16 == 0xFFFE {
		r.pos += 8
		return t, "", r.order.Uint32(b[4:]), nil
	}
	vr = string(b[4:6])
	if short[vr] {
		r.pos += 8
		return t, vr, uint32(r.order.Uint16(b[6:])), nil
	}
	if len(b) < 12 || strings.Trim(vr, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return t, vr, 0, r.fail(t, "no value representation")
	}
	r.pos += 12
	return t, vr, r.order.Uint32(b[8:]), nil
}

// short are the VRs with a 16-bit length (PS3.5 Table 7.1-2).
var short = map[string]bool{
	"AE": true, "AS": true, "AT": true, "CS": true, "DA": true, "DS": true, "DT": true, "FD": true, "FL": true, "IS": true,
	"LO": true, "LT": true, "PN": true, "SH": true, "SL": true, "SS": true, "ST": true, "TM": true, "UI": true, "UL": true, "US": true,
}

func (r *reader) element(end, depth int, s *Set) (*Element, error) {
	t, vr, length, err := r.start()
	if err != nil {
		return nil, err
	}
	e := &Element{Tag: t, VR: vr}
	known := VR(t, r.signed)
	if vr == "" {
		if e.VR = known; known == "" {
			e.VR = "UN"
		}
	}
	open := length == undefined
	switch {
	case t>>16 == 0xFFFE:
		return nil, r.fail(t, "does not belong here")
	case !open && int64(length) > int64(end-r.pos):
		return nil, r.fail(t, "length runs past the end of what holds it")
	case depth >= maxDepth:
		return nil, r.fail(t, "nested too deep")
	case e.VR == "SQ":
		return e, r.items(e, length, end, depth, s.Charset, r.implicit)
	case open && (t == PixelData || vr == "OB" || vr == "OW"):
		return e, r.fragments(e, end)
	case open: // PS3.5 6.2.2: a sequence of unknown VR, its items in implicit VR
		e.VR = "SQ"
		return e, r.items(e, length, end, depth, s.Charset, true)
	}
	raw := r.data[r.pos : r.pos+int(length)]
	r.pos += int(length)
	e.Value = raw
	if vr == "UN" {
		return e, r.reveal(e, known, depth, s.Charset)
	}
	if r.order == binary.ByteOrder(binary.BigEndian) {
		e.Value = swapped(e.VR, raw)
	}
	return e, nil
}

// reveal gives an element of VR UN the VR of the data dictionary, and looks into
// one that holds items: they are in implicit VR little endian (PS3.5 6.2.2).
func (r *reader) reveal(e *Element, known string, depth int, coding charset.CodingSystem) error {
	items := len(e.Value) >= 8 && binary.LittleEndian.Uint32(e.Value) == 0xE000FFFE
	if known != "SQ" && (known != "" || !items) {
		if known != "" {
			e.VR = known
		}
		return nil
	}
	inner := &reader{data: e.Value, order: binary.LittleEndian, implicit: true, signed: r.signed, elements: r.elements}
	seq := &Element{Tag: e.Tag, VR: "SQ"}
	err := inner.items(seq, uint32(len(e.Value)), len(e.Value), depth, coding, true)
	r.elements = inner.elements
	if err != nil && known == "" {
		return nil // looks like items by chance: it stays an opaque value
	}
	*e = *seq
	return err
}

// items reads the items of a sequence, in implicit VR little endian where the
// sequence is of unknown VR.
func (r *reader) items(e *Element, length uint32, end, depth int, coding charset.CodingSystem, implicit bool) error {
	open := length == undefined
	if !open {
		end = r.pos + int(length)
	}
	outer, order := r.implicit, r.order
	if implicit && !outer {
		r.implicit, r.order = true, binary.LittleEndian
	}
	defer func() { r.implicit, r.order = outer, order }()
	for open || r.pos < end {
		t, _, n, err := r.start()
		switch {
		case err != nil:
			return err
		case open && t == tagSequenceDelimitation:
			return nil
		case t != tagItem || n != undefined && int64(n) > int64(end-r.pos):
			return r.fail(t, "want an item within its sequence")
		}
		stop := end
		if n != undefined {
			stop = r.pos + int(n)
		}
		item, err := r.set(stop, n == undefined, depth+1, coding)
		if err != nil {
			return err
		}
		e.Items = append(e.Items, item)
	}
	return nil
}

// fragments reads encapsulated pixel data (PS3.5 A.4).
func (r *reader) fragments(e *Element, end int) error {
	e.Fragments = [][]byte{}
	for {
		t, _, n, err := r.start()
		switch {
		case err != nil:
			return err
		case t == tagSequenceDelimitation:
			return nil
		case t != tagItem || n == undefined || int64(n) > int64(end-r.pos):
			return r.fail(t, "want a fragment")
		}
		e.Fragments = append(e.Fragments, r.data[r.pos:r.pos+int(n)])
		r.pos += int(n)
	}
}

// swapped turns big endian numbers into little endian (PS3.5 7.3).
func swapped(vr string, b []byte) []byte {
	width := map[string]int{"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
		"FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}[vr]
	if width == 0 {
		return b
	}
	out := bytes.Clone(b)
	for i := 0; i+width <= len(out); i += width {
		for j := range width / 2 {
			out[i+j], out[i+width-1-j] = out[i+width-1-j], out[i+j]
		}
	}
	return out
}
