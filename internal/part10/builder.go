package part10

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"dicomnode/internal/charset"
)

const (
	maxKept     = 1 << 20  // bytes of a value before Pixel Data
	maxSequence = 16 << 20 // bytes of a sequence of defined length in implicit VR
	maxElements = 32 << 20 // bytes of Object.Elements
	maxCount    = 1 << 18  // elements and items in Object.Elements
)

// builder rewrites the elements before Pixel Data while the walker reads them, and collects the
// fragments of Pixel Data.
type builder struct {
	out      []byte
	count    int
	muted    int // levels opened inside one that is left out
	signed   bool
	forgiven Forgiven

	sets []charset.Set // declared at the top level and in the enclosing items
	asIs bool          // text is not converted to UTF-8

	pixel element // Pixel Data
	big   bool
	parts [][]byte // items of encapsulated Pixel Data
}

// open begins a sequence or an item.
func (b *builder) open(in level) {
	switch {
	case b.muted > 0 || !b.keeps(in.since) || in.kind == fragments:
		b.muted++
	case in.kind == sequence:
		b.head(in.since.tag, "SQ", undefined)
	case in.kind == item:
		b.head(tagItem, "", undefined)
		b.sets = append(b.sets, b.set())
	}
}

// set returns the current character sets: those declared in the innermost item that declares
// any (PS3.3 C.12.1.1.2).
func (b *builder) set() charset.Set {
	if len(b.sets) == 0 {
		return charset.Set{}
	}
	return b.sets[len(b.sets)-1]
}

// close ends a sequence or an item.
func (b *builder) close(in level) {
	switch {
	case b.muted > 0:
		b.muted--
	case in.kind == sequence:
		b.head(tagSequenceDelimitation, "", 0)
	case in.kind == item:
		b.head(tagItemDelimitation, "", 0)
		b.sets = b.sets[:len(b.sets)-1]
	}
}

// keeps reports whether el is written. Left out are private attributes, group lengths, repeated
// tags, nested Pixel Data, and everything beyond the limits.
func (b *builder) keeps(el element) bool {
	if el.tag != tagItem && (el.tag.group()%2 == 1 || uint16(el.tag) == 0 || el.repeated || el.tag == tagPixelData) {
		return false
	}
	if len(b.out) > maxElements || b.count > maxCount {
		b.forgiven.add(TooLarge, el.tag)
		return false
	}
	return true
}

// offer gives b the element el, whose value is next in k.
func (b *builder) offer(k *walker, top *level, el element) {
	if top.kind == fragments {
		if top.since.tag == tagPixelData && len(k.stack) == 2 && k.whole() {
			b.parts = append(b.parts, k.look(int64(el.length)))
		}
		return
	}
	if b.muted > 0 || !b.keeps(el) {
		return
	}
	vr := b.representation(el)
	limit := int64(maxKept)
	if vr == "SQ" && k.whole() {
		limit = maxSequence
	}
	if int64(el.length) > limit {
		b.forgiven.add(TooLarge, el.tag)
		return
	}
	value := k.look(int64(el.length))
	if len(value) < int(el.length) { // truncated: the walker reports it
		return
	}
	b.value(k, top.enc, el, vr, value)
}

// representation returns the VR to write: the element's own, or that of PS3.6 if it has none,
// an unknown one, or UN.
func (b *builder) representation(el element) string {
	if pixelAttribute[el.tag] {
		return "US"
	}
	if _, known := representations[el.vr]; known && el.vr != "UN" {
		return el.vr
	}
	vr := dictionary(el.tag, el.length)
	switch {
	case vr == "":
		return "UN"
	case b.signed && signedByPixels[el.tag]:
		return "SS"
	}
	return vr
}

// signedByPixels lists attributes of VR "US or SS" whose sign is that of the pixels (PS3.5 A.1,
// PS3.3 C.7.5.1.1.2).
var signedByPixels = map[Tag]bool{
	0x00280106: true, 0x00280107: true, 0x00280108: true, 0x00280109: true,
	0x00280110: true, 0x00280111: true, 0x00280120: true, 0x00280121: true,
	0x00283002: true, // LUT Descriptor, whose first input is a pixel (PS3.3 C.11.1.1)
}

// value writes el with a value.
func (b *builder) value(k *walker, enc encoding, el element, vr string, value []byte) {
	rep := representations[vr]
	switch {
	case el.tag == tagSpecificCharacterSet:
		b.declare(el, value)
	case pixelAttribute[el.tag]:
		b.pixelAttribute(enc, el, value)
	case vr == "SQ":
		b.sequence(k, el, value)
	case vr == "OV" || vr == "SV" || vr == "UV": // the library reads their length as 16 bits
	case len(value)%rep.width != 0:
		b.forgiven.add(NotSuited, el.tag)
	case rep.text:
		b.text(el, vr, value)
	default:
		if enc.big && rep.width > 1 {
			value = swapped(value, rep.width)
		}
		b.put(el.tag, vr, value, 0)
	}
}

// declare sets the character sets of the following elements. Text is written in UTF-8 and
// declared so at the top level. With asIs it is not converted: then the declarations of items
// are written, and that of the top level is returned to the reader of Elements separately.
func (b *builder) declare(el element, value []byte) {
	b.sets[len(b.sets)-1] = charset.Parse(value)
	switch outer := len(b.sets) == 1; {
	case outer && !b.asIs:
		b.put(el.tag, "CS", []byte("ISO_IR 192"), ' ')
	case !outer && b.asIs:
		b.put(el.tag, "CS", value, ' ')
	}
}

// text writes text in UTF-8.
func (b *builder) text(el element, vr string, value []byte) {
	if b.asIs {
		b.put(el.tag, vr, value, ' ')
		return
	}
	form := charset.Values
	switch {
	case vr == "PN":
		form = charset.Name
	case representations[vr].one:
		form = charset.Text
	}
	text, outcome := b.set().Decode(value, form)
	switch outcome {
	case charset.Judged:
		b.forgiven.add(Characters, el.tag)
	case charset.Undecodable:
		b.forgiven.add(Undecodable, el.tag)
	}
	b.put(el.tag, vr, []byte(text), ' ')
}

// put writes an element and pads its value to even length with pad.
func (b *builder) put(t Tag, vr string, value []byte, pad byte) {
	n := len(value) + len(value)%2
	if n > maxShort && !LongForm(vr) {
		if !representations[vr].text {
			b.forgiven.add(NotSuited, t)
			return
		}
		vr = "UT"
	}
	b.head(t, vr, uint32(n))
	b.out = append(b.out, value...)
	if n > len(value) {
		b.out = append(b.out, pad)
	}
}

// head writes tag, VR and length in explicit VR little endian (PS3.5 7.1.2).
func (b *builder) head(t Tag, vr string, length uint32) {
	b.count++
	b.out = binary.LittleEndian.AppendUint16(b.out, t.group())
	b.out = binary.LittleEndian.AppendUint16(b.out, uint16(t))
	switch {
	case vr == "":
		b.out = binary.LittleEndian.AppendUint32(b.out, length)
	case LongForm(vr):
		b.out = binary.LittleEndian.AppendUint32(append(b.out, vr[0], vr[1], 0, 0), length)
	default:
		b.out = binary.LittleEndian.AppendUint16(append(b.out, vr[0], vr[1]), uint16(length))
	}
}

// swapped returns v with the bytes of each number of width bytes reversed.
func swapped(v []byte, width int) []byte {
	v = slices.Clone(v)
	for n := v; len(n) >= width; n = n[width:] {
		slices.Reverse(n[:width])
	}
	return v
}

// pixelAttribute writes an attribute that checkPixelAttribute has accepted, as US.
func (b *builder) pixelAttribute(enc encoding, el element, value []byte) {
	n := uint64(1 << 16)
	switch {
	case el.vr == "IS" || el.vr == "DS":
		if v, err := strconv.ParseFloat(strings.Trim(string(value), " \x00"), 64); err == nil && v >= 0 && v < 1<<16 && v == float64(uint64(v)) {
			n = uint64(v)
		}
	case len(value) == 2:
		n = uint64(enc.uint16(value))
	case len(value) == 4:
		n = uint64(enc.uint32(value))
	}
	if n >= 1<<16 {
		b.forgiven.add(NotSuited, el.tag)
		return
	}
	if el.tag == 0x00280103 {
		b.signed = n == 1
	}
	b.put(el.tag, "US", binary.LittleEndian.AppendUint16(nil, uint16(n)), 0)
}

// sequence writes an element that is a sequence in PS3.6, although its encoded VR is missing or
// UN. Its items are in implicit VR little endian (PS3.5 6.2.2). A value that does not consist
// of items is left out, because the receiver did not check it either.
func (b *builder) sequence(k *walker, el element, value []byte) {
	before, sets := len(b.out), len(b.sets)
	in := level{kind: sequence, end: int64(len(value)), since: element{tag: el.tag, vr: "UN"}}
	inner := &walker{window: inMemory(value), build: b, stack: []level{in}, base: k.base + len(k.stack)}
	b.open(in)
	err := inner.run(nil)
	if err != nil {
		b.out = b.out[:before]
		b.sets, b.muted = b.sets[:sets], 0
		b.forgiven.add(NotItems, el.tag)
		return
	}
	b.forgiven.join(inner.header.Forgiven)
}

// pixels returns what was found of Pixel Data.
func (b *builder) pixels() Pixels {
	p := Pixels{Present: b.pixel.tag == tagPixelData, VR: "OW", BigEndian: b.big}
	if b.pixel.vr == "OB" {
		p.VR = "OB"
	}
	if p.Encapsulated = b.pixel.length == undefined; !p.Encapsulated {
		p.Length = int64(b.pixel.length)
		return p
	}
	if len(b.parts) > 0 {
		p.Offsets, p.Fragments = b.parts[0], b.parts[1:]
	}
	return p
}
