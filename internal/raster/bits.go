package raster

import (
	"encoding/binary"
	"math/bits"
)

// Bits is a mask of one bit a pixel, the least significant first. Each row begins with a
// new word; bits behind the last column are 0.
type Bits struct {
	Rows, Columns int
	words         []uint64
	stride        int // words of a row
}

func newBits(rows, cols int) Bits {
	stride := (cols + 63) / 64
	return Bits{rows, cols, make([]uint64, rows*stride), stride}
}

// Pack makes Bits of rows that row gives, each cols long; it is called by several
// goroutines at once.
func Pack(rows, cols int, row func(r int) []bool) Bits {
	b := newBits(rows, cols)
	Parallel(rows, func(r int) {
		v := row(r)
		words := b.row(r)
		for i := range words {
			n := min(64, len(v))
			words[i] = word(v[:n])
			v = v[n:]
		}
	})
	return b
}

// PackByte packs eight values, the first into the least significant bit.
func PackByte(v *[8]bool) byte {
	return byte(bit(v[0]) | bit(v[1])<<1 | bit(v[2])<<2 | bit(v[3])<<3 |
		bit(v[4])<<4 | bit(v[5])<<5 | bit(v[6])<<6 | bit(v[7])<<7)
}

func word(v []bool) (w uint64) {
	shift := 0
	for ; len(v) >= 8; v = v[8:] {
		w |= uint64(PackByte((*[8]bool)(v))) << shift
		shift += 8
	}
	for i, in := range v {
		w |= bit(in) << (shift + i)
	}
	return w
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (b Bits) row(r int) []uint64 { return b.words[r*b.stride:][:b.stride] }

// last are the bits of a row's last word that are columns.
func (b Bits) last() uint64 { return ^uint64(0) >> (64*b.stride - b.Columns) }

// Border are the pixels of b from which one that is not in b lies within width pixels, 1 to
// 63, up, down, left or right. What lies outside the frame is no border.
func (b Bits) Border(width int) Bits {
	out := newBits(b.Rows, b.Columns)
	Parallel(b.Rows, func(r int) {
		line := out.row(r)
		b.gapsBeside(line, r, width)
		for k := max(0, r-width); k <= min(b.Rows-1, r+width); k++ {
			for i, w := range b.row(k) {
				line[i] |= ^w
			}
		}
		for i, w := range b.row(r) {
			line[i] &= w
		}
	})
	return out
}

// gapsBeside marks what has a pixel outside b within width pixels to its left or right.
func (b Bits) gapsBeside(line []uint64, r, width int) {
	row := b.row(r)
	gap := func(i int) uint64 {
		switch i {
		case -1, len(row):
			return 0
		case len(row) - 1:
			return ^row[i] & b.last()
		}
		return ^row[i]
	}
	for i := range line {
		before, here, after := gap(i-1), gap(i), gap(i+1)
		for k := 1; k <= width; k++ {
			line[i] |= here<<k | before>>(64-k) | here>>k | after<<(64-k)
		}
	}
}

// Each calls f for the columns of row r that are set, from left to right.
func (b Bits) Each(r int, f func(c int)) {
	for i, w := range b.row(r) {
		for ; w != 0; w &= w - 1 {
			f(64*i + bits.TrailingZeros64(w))
		}
	}
}

// Bytes are the bits of all rows one after the other, without gaps between rows, padded
// with 0 to a whole byte.
func (b Bits) Bytes() []byte {
	size := (b.Rows*b.Columns + 7) / 8
	out := make([]byte, 0, size+8)
	var held uint64 // bits that do not fill a word yet
	n := 0          // how many
	for r := range b.Rows {
		left := b.Columns
		for _, w := range b.row(r) {
			k := min(64, left)
			left -= k
			held |= w << n
			if n+k >= 64 {
				out = binary.LittleEndian.AppendUint64(out, held)
				held = w >> (64 - n) // 0 when n is 0
				n -= 64
			}
			n += k
		}
	}
	return binary.LittleEndian.AppendUint64(out, held)[:size]
}
