package part10

import (
	"bytes"
	"errors"
	"io"
)

// maxLookahead is the greatest lookahead in bytes: a value with a 16-bit length and the next
// header. It is the same for all readers, so that they decide alike.
const maxLookahead = 1<<16 + 32

// unknownVRLength decides whether an element with an unknown VR has a 16-bit or a 32-bit length, and
// returns the length of its header. PS3.5 7.1.2 gives future VRs a 32-bit length, but devices
// write both. judge takes the form after which the data set continues plausibly. If both do, or
// the end of the value is beyond the lookahead, it takes capital letters for a future VR (32
// bits) and anything else for no VR (16 bits).
func (w *window) unknownVRLength(enc encoding, el *element, end int64) (head int64, err error) {
	b := bytes.Clone(w.look(12)) // more lookahead may move the buffer
	short := int64(enc.uint16(b[6:]))
	vr := capitals(b[4:6])
	el.otherVR, el.noVR = true, !vr
	upper := vrString(upperCase(b[4:6]))
	rep, lowerCase := representations[upper]
	after, behind := w.continuesAt(enc, *el, 8+short, end), no
	if len(b) == 12 && (!lowerCase || rep.long) {
		behind = w.continuesAt(enc, *el, 12+int64(enc.uint32(b[8:])), end)
	}
	if lowerCase {
		el.vr = upper
	}
	switch {
	case behind == yes && after != yes,
		behind == after && behind != no && (vr || rep.long),
		behind >= after && vr && len(b) == 12: // also if neither is plausible, so that the error is reported where it is
		el.length = enc.uint32(b[8:])
		return 12, nil
	case after != no:
		el.length = uint32(short)
		return 8, nil
	case vr:
		return 0, el.ended(io.ErrUnexpectedEOF)
	}
	return 0, el.fail("want a value representation, have bytes %02X %02X", b[4], b[5])
}

// answer is yes, no, or not visible in the lookahead.
type answer uint8

const (
	no answer = iota
	outOfSight
	yes
)

// continuesAt reports whether the data set continues plausibly n bytes after the start of el: it
// ends there, or another element begins.
func (w *window) continuesAt(enc encoding, el element, n, end int64) answer {
	if enc.explicit && n-12 == undefined {
		return is(itemAt(enc, w.look(20)))
	}
	if w.offset()+n >= end {
		return is(w.offset()+n == end)
	}
	if n+8 > maxLookahead {
		return outOfSight
	}
	b := w.look(n + 8)
	if int64(len(b)) < n {
		return no
	}
	b = b[n:]
	if len(b) < 8 { // the end of the stream, perhaps after zeros
		return is(errors.Is(w.err, io.EOF) && len(bytes.Trim(b, "\x00")) == 0)
	}
	return is(enc.plausible(el, b))
}

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}

// itemAt reports whether an item begins 12 bytes after the start of b.
func itemAt(enc encoding, b []byte) bool {
	return len(b) == 20 && (enc.tag(b[12:]) == tagItem || enc.tag(b[12:]) == tagSequenceDelimitation)
}

// plausible reports whether b begins with an element that may follow el: an item or delimiter,
// an element with a known VR, or one with el's unknown VR and a greater tag.
func (e encoding) plausible(el element, b []byte) bool {
	t := e.tag(b)
	if t.group() == 0xFFFE {
		return t == tagItem || t == tagItemDelimitation || t == tagSequenceDelimitation
	}
	if !e.explicit {
		return t > el.tag && t.group()-el.tag.group() < 0x1000
	}
	_, known := vrNames[upperCase(b[4:6])]
	return known && (t.group() > 2 || t.group() == el.tag.group()) || t > el.tag && string(b[4:6]) == el.vr
}

// dataEncoding decides from the first element whether a data set has the declared encoding.
// Some devices send explicit VR data declared as implicit VR, or the reverse. The other
// encoding is used only if the declared one is implausible and the other plausible.
func (w *window) dataEncoding(declared encoding) (enc encoding, other bool) {
	if b := w.look(8); declared.big || len(b) < 8 || declared.explicit && capitals(b[4:6]) || w.plausible(declared) {
		return declared, false
	}
	enc = encoding{explicit: !declared.explicit}
	if w.plausible(enc) {
		return enc, true
	}
	return declared, false
}

// guessEncoding detects from the first element the encoding of a data set that does not declare
// one.
func (w *window) guessEncoding() (enc encoding, ok bool) {
	for _, enc := range []encoding{{explicit: true}, {explicit: true, big: true}, {}} {
		b := w.look(8)
		if len(b) < 8 {
			break
		}
		if group := enc.tag(b).group(); (group == 0x0008 || group == 0x0010) && w.plausible(enc) {
			return enc, true
		}
	}
	return encoding{}, false
}

// plausible reports whether the stream begins with an element of the encoding that is followed
// by another.
func (w *window) plausible(enc encoding) bool {
	b := w.look(12)
	if len(b) < 8 {
		return len(b) == 0
	}
	el := element{tag: enc.tag(b)}
	if !enc.explicit {
		return w.continuesAt(enc, el, 8+int64(enc.uint32(b[4:])), maxOffset) == yes
	}
	rep, known := representations[vrString([2]byte(b[4:6]))]
	el.vr = vrString([2]byte(b[4:6]))
	switch {
	case !known:
		return false
	case rep.long:
		return len(b) == 12
	}
	return w.continuesAt(enc, el, 8+int64(enc.uint16(b[6:])), maxOffset) == yes
}
