package decode

import (
	"encoding/binary"
	"fmt"
)

// decodeRLE decodes one frame of RLE Lossless (PS3.5 Annex G): samples×bytes PackBits segments,
// ordered by sample and then from the most to the least significant byte. It returns
// pixels×samples×bytes bytes, color by pixel, in little endian.
func decodeRLE(b []byte, pixels, samples, bytes int) ([]byte, error) {
	segments := samples * bytes
	if len(b) < 64 { // G.5: a header of 16 numbers of 32 bits
		return nil, fmt.Errorf("%w: RLE header of %d bytes, want 64", ErrMalformed, len(b))
	}
	if n := binary.LittleEndian.Uint32(b); n != uint32(segments) {
		return nil, fmt.Errorf("%w: %d RLE segments, want %d", ErrMalformed, n, segments)
	}
	// Two bytes of a segment expand to at most 128 bytes.
	if int64(len(b)-64)*64 < int64(pixels)*int64(segments) {
		return nil, fmt.Errorf("%w: RLE data of %d bytes cannot hold %d pixels", ErrMalformed, len(b), pixels)
	}
	out := make([]byte, pixels*segments)
	end := len(b)
	for s := segments - 1; s >= 0; s-- {
		at := int64(binary.LittleEndian.Uint32(b[4+4*s:]))
		if at < 64 || at > int64(end) {
			return nil, fmt.Errorf("%w: RLE segment %d at byte %d", ErrMalformed, s+1, at)
		}
		if err := unpackBits(b[at:end], out[s/bytes*bytes+bytes-1-s%bytes:], pixels, segments); err != nil {
			return nil, fmt.Errorf("RLE segment %d: %w", s+1, err)
		}
		end = int(at)
	}
	return out, nil
}

// unpackBits decodes n bytes of one segment (G.3.2) into out[0], out[step], …
func unpackBits(b, out []byte, n, step int) error {
	k := 0
	for p := 0; k < n; {
		if p >= len(b) {
			return fmt.Errorf("%w: ends after %d of %d bytes", ErrMalformed, k, n)
		}
		c := int(int8(b[p]))
		p++
		switch {
		case c == -128: // no operation
		case c >= 0:
			if p+c+1 > len(b) {
				return fmt.Errorf("%w: literal run is cut off", ErrMalformed)
			}
			for _, v := range b[p : p+min(c+1, n-k)] {
				out[k*step] = v
				k++
			}
			p += c + 1
		default:
			if p >= len(b) {
				return fmt.Errorf("%w: replicate run is cut off", ErrMalformed)
			}
			for range min(1-c, n-k) {
				out[k*step] = b[p]
				k++
			}
			p++
		}
	}
	return nil
}
