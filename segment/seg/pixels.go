package seg

import (
	"io"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// PackedSize is the length in bytes of frames×pixels bits, padded to an even
// number (PS3.5 8.1.1, 8.2).
func PackedSize(frames, pixels int) int64 {
	n := (int64(frames)*int64(pixels) + 7) / 8
	return n + n%2
}

// PackMasks writes masks as 1-bit pixels (PS3.5 8.1.1 and D): pixel k of all
// frames together is bit k%8, counted from the least significant, of byte k/8.
// Frames follow each other without alignment; only the end is padded.
func PackMasks(w io.Writer, masks []picture.Mask) error {
	p := &bitPacker{w: w, out: make([]byte, 0, 32<<10)}
	for _, m := range masks {
		if err := p.add(m); err != nil {
			return err
		}
	}
	return p.end()
}

// bitPacker gathers bits into bytes and bytes into writes.
type bitPacker struct {
	w       io.Writer
	out     []byte // full bytes, written when at capacity
	last    byte   // the byte being filled
	filled  int    // bits in last, 0..7
	written int64
}

func (p *bitPacker) add(bits []bool) error {
	for len(bits) > 0 && p.filled > 0 {
		if err := p.bit(bits[0]); err != nil {
			return err
		}
		bits = bits[1:]
	}
	for len(bits) >= 8 {
		n := min(len(bits)/8, cap(p.out)-len(p.out))
		for ; n > 0; n-- {
			p.out = append(p.out, raster.PackByte((*[8]bool)(bits)))
			bits = bits[8:]
		}
		if err := p.flushFull(); err != nil {
			return err
		}
	}
	for _, b := range bits {
		if err := p.bit(b); err != nil {
			return err
		}
	}
	return nil
}

func (p *bitPacker) bit(b bool) error {
	if b {
		p.last |= 1 << p.filled
	}
	p.filled++
	if p.filled < 8 {
		return nil
	}
	p.out = append(p.out, p.last)
	p.last, p.filled = 0, 0
	return p.flushFull()
}

func (p *bitPacker) flushFull() error {
	if len(p.out) < cap(p.out) {
		return nil
	}
	return p.flush()
}

func (p *bitPacker) flush() error {
	n, err := p.w.Write(p.out)
	p.written += int64(n)
	p.out = p.out[:0]
	return err
}

// end writes the last, partly filled byte and the padding to an even length.
func (p *bitPacker) end() error {
	if p.filled > 0 {
		p.out = append(p.out, p.last)
	}
	if (p.written+int64(len(p.out)))%2 != 0 {
		p.out = append(p.out, 0)
	}
	return p.flush()
}
