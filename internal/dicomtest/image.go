package dicomtest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"strconv"

	"dicomnode/internal/uid"
)

// Attribute is one data element; Value is a string, a uint16 (US), several of them, an int16
// (SS), an int (IS), bytes of a little endian value, or the items of a sequence.
type Attribute struct {
	Tag   uint32
	VR    string
	Value any
}

// Image is a synthetic radiograph.
type Image struct {
	Rows, Columns int
	Bits          int // 8 or 16 allocated
	Stored        int // 0 means Bits
	HighBit       int // 0 means Stored-1
	Samples       int // per pixel; 0 means 1
	Signed        bool
	Pixels        []int // stored values, pixel after pixel, of one frame or of several
	// Fragments, if there are any, are the encapsulated pixels, for a transfer syntax that
	// has them; Offsets is the Basic Offset Table.
	Fragments   [][]byte
	Offsets     []byte
	Photometric string
	Extra       []Attribute // sorted into the data set; below group 7FE0
}

// DX is a simulated For Processing DX image: a linear signal over a detector offset
// that drifts along the rows, a bar of bone in a limb, and one hot pixel.
func DX(rows, cols, offset int) Image {
	m := Image{Rows: rows, Columns: cols, Bits: 16, Stored: 14, Photometric: "MONOCHROME2",
		Extra: []Attribute{
			{0x00080016, "UI", uid.DigitalXRayImageStorageForProcessing},
			{0x00080018, "UI", "2.25.1"}, {0x00080060, "CS", "DX"},
			{0x00080068, "CS", "FOR PROCESSING"}, {0x00180015, "CS", "LEG"},
			{0x0018700A, "SH", "DET1"}, {0x00281040, "CS", "LIN"}, {0x00281041, "SS", int16(1)},
		}}
	for r := range rows {
		for c := range cols {
			v := 8000
			if c > cols/4 && c < 3*cols/4 {
				v = 2500
			}
			if c > 2*cols/5 && c < 3*cols/5 {
				v = 700
			}
			m.Pixels = append(m.Pixels, v+Offset(r, offset))
		}
	}
	return m
}

// Offset is the dark signal of DX's detector in a row.
func Offset(row, offset int) int { return offset + row%7 }

// Encode writes m as a Part 10 file (PS3.10) in a transfer syntax.
func (m Image) Encode(transferSyntax string) []byte {
	w := &writer{order: binary.LittleEndian, implicit: transferSyntax == uid.ImplicitVRLittleEndian}
	if transferSyntax == uid.ExplicitVRBigEndian {
		w.order = binary.BigEndian
	}
	if transferSyntax == uid.RLELossless && m.Fragments == nil {
		n := m.Rows * m.Columns * m.samples()
		for at := 0; at < len(m.Pixels); at += n {
			one := m
			one.Pixels = m.Pixels[at:min(at+n, len(m.Pixels))]
			m.Fragments = append(m.Fragments, one.rle())
		}
	}
	m.write(w)
	body := w.b.Bytes()
	if transferSyntax == uid.DeflatedExplicitVRLittleEndian {
		var z bytes.Buffer
		f, _ := flate.NewWriter(&z, flate.BestSpeed) // the level is valid
		f.Write(body)
		f.Close()
		body = z.Bytes()
	}
	meta := &writer{order: binary.LittleEndian}
	meta.element(0x00020010, "UI", text(transferSyntax, "UI"))
	head := &writer{order: binary.LittleEndian}
	head.b.Write(append(make([]byte, 128), "DICM"...))
	head.element(0x00020000, "UL", binary.LittleEndian.AppendUint32(nil, uint32(meta.b.Len())))
	return append(append(head.b.Bytes(), meta.b.Bytes()...), body...)
}

func (m Image) write(w *writer) {
	stored := m.Stored
	if stored == 0 {
		stored = m.Bits
	}
	signed := uint16(0)
	if m.Signed {
		signed = 1
	}
	high := m.HighBit
	if high == 0 {
		high = stored - 1
	}
	all := append([]Attribute{
		{0x00280002, "US", uint16(m.samples())}, {0x00280004, "CS", m.Photometric},
		{0x00280010, "US", uint16(m.Rows)}, {0x00280011, "US", uint16(m.Columns)},
		{0x00280100, "US", uint16(m.Bits)}, {0x00280101, "US", uint16(stored)},
		{0x00280102, "US", uint16(high)}, {0x00280103, "US", signed},
	}, m.Extra...)
	for i := range all { // insertion sort: few, and almost sorted
		for k := i; k > 0 && all[k].Tag < all[k-1].Tag; k-- {
			all[k], all[k-1] = all[k-1], all[k]
		}
	}
	for _, a := range all {
		w.element(a.Tag, a.VR, w.value(a))
	}
	if m.Fragments != nil {
		w.encapsulated(m.Offsets, m.Fragments)
		return
	}
	w.element(0x7FE00010, "OW", m.native(w.order))
}

// native are the samples in order; 8-bit samples in OW lie in 16-bit words (PS3.5 8.1.2).
func (m Image) native(order binary.ByteOrder) []byte {
	var b []byte
	for _, v := range m.Pixels {
		if m.Bits == 8 {
			b = append(b, byte(v))
			continue
		}
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], uint16(v))
	}
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	if m.Bits == 8 && order == binary.BigEndian {
		for i := 0; i < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	return b
}

func (m Image) samples() int { return max(1, m.Samples) }

// rle is one frame of RLE Lossless (PS3.5 Annex G), in replicate and literal runs.
func (m Image) rle() []byte {
	out := make([]byte, 64)
	width := m.Bits / 8
	binary.LittleEndian.PutUint32(out, uint32(m.samples()*width))
	for s := range m.samples() * width {
		binary.LittleEndian.PutUint32(out[4+4*s:], uint32(len(out)))
		var plane []byte
		for i := s / width; i < len(m.Pixels); i += m.samples() {
			plane = append(plane, byte(m.Pixels[i]>>(m.Bits-8*(s%width+1))))
		}
		out = append(out, packBits(plane)...)
	}
	return out
}

// packBits is one segment, of even length.
func packBits(plane []byte) (out []byte) {
	for len(plane) > 0 {
		n := 1
		for n < len(plane) && n < 128 && plane[n] == plane[0] {
			n++
		}
		if n == 1 {
			out = append(out, 0, plane[0])
		} else {
			out = append(out, byte(1-n), plane[0])
		}
		plane = plane[n:]
	}
	if len(out)%2 == 1 {
		out = append(out, 0x80)
	}
	return out
}

type writer struct {
	b        bytes.Buffer
	order    binary.ByteOrder
	implicit bool
}

func (w *writer) value(a Attribute) []byte {
	switch v := a.Value.(type) {
	case uint16:
		return w.order16(v)
	case int16:
		return w.order16(uint16(v))
	case int:
		return text(strconv.Itoa(v), a.VR)
	case string:
		return text(v, a.VR)
	case []uint16:
		var b []byte
		for _, n := range v {
			b = append(b, w.order16(n)...)
		}
		return b
	case []byte:
		return w.words(v)
	case [][]Attribute:
		return w.items(v)
	}
	panic("dicomtest: attribute value of another type")
}

// words are bytes of 16-bit words in the writer's order.
func (w *writer) words(b []byte) []byte {
	out := append([]byte(nil), b...)
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	if w.order == binary.BigEndian {
		for i := 0; i < len(out); i += 2 {
			out[i], out[i+1] = out[i+1], out[i]
		}
	}
	return out
}

// items are a sequence's items of defined length (PS3.5 7.5).
func (w *writer) items(items [][]Attribute) []byte {
	out := &writer{order: w.order, implicit: w.implicit}
	for _, it := range items {
		in := &writer{order: w.order, implicit: w.implicit}
		for _, a := range it {
			in.element(a.Tag, a.VR, in.value(a))
		}
		out.b.Write(w.order16(0xFFFE))
		out.b.Write(w.order16(0xE000))
		length := make([]byte, 4)
		w.order.PutUint32(length, uint32(in.b.Len()))
		out.b.Write(length)
		out.b.Write(in.b.Bytes())
	}
	return out.b.Bytes()
}

func (w *writer) order16(v uint16) []byte {
	b := make([]byte, 2)
	w.order.PutUint16(b, v)
	return b
}

func text(s, vr string) []byte {
	if len(s)%2 == 1 {
		s += map[bool]string{true: "\x00", false: " "}[vr == "UI"]
	}
	return []byte(s)
}

func (w *writer) element(tag uint32, vr string, value []byte) {
	w.b.Write(w.order16(uint16(tag >> 16)))
	w.b.Write(w.order16(uint16(tag)))
	long := make([]byte, 4)
	w.order.PutUint32(long, uint32(len(value)))
	switch {
	case w.implicit:
		w.b.Write(long)
	case vr == "OW" || vr == "OB" || vr == "OV" || vr == "SQ":
		w.b.WriteString(vr + "\x00\x00")
		w.b.Write(long)
	default:
		w.b.WriteString(vr)
		w.b.Write(w.order16(uint16(len(value))))
	}
	w.b.Write(value)
}

// encapsulated writes Pixel Data as a Basic Offset Table and fragments (PS3.5 A.4).
func (w *writer) encapsulated(offsets []byte, fragments [][]byte) {
	w.b.WriteString("\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff")
	for _, f := range append([][]byte{offsets}, fragments...) {
		w.b.WriteString("\xfe\xff\x00\xe0")
		w.b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(f))))
		w.b.Write(f)
	}
	w.b.WriteString("\xfe\xff\xdd\xe0\x00\x00\x00\x00")
}
