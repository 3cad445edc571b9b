package pixels

import (
	"bytes"
	"encoding/binary"

	"dicomnode/internal/uid"
)

// codestreams has, for each transfer syntax, the function that cleans a frame. It returns false
// for a frame that it does not understand.
var codestreams = map[string]func(l layout, code []byte) ([]byte, bool){
	uid.RLELossless:       rle,
	uid.JPEGBaseline8Bit:  jpeg,
	uid.JPEGExtended12Bit: jpeg,
	uid.JPEGLossless:      jpeg, uid.JPEGLosslessSV1: jpeg,
	uid.JPEGLSLossless: jpegLS, uid.JPEGLSNearLossless: jpegLS,
	uid.JPEG2000Lossless: jpeg2000, uid.JPEG2000: jpeg2000,
	uid.HTJ2KLossless: jpeg2000, uid.HTJ2KLosslessRPCL: jpeg2000, uid.HTJ2K: jpeg2000,
}

// encapsulated returns clean fragments (PS3.5 A.4). Of a frame that has to be changed it makes
// one fragment, and then the Basic Offset Table is empty.
func (l layout) encapsulated(fragments [][]byte, transferSyntax string) (out [][]byte, ok bool) {
	clean := codestreams[transferSyntax]
	if clean == nil || len(fragments) < 2 {
		return nil, false
	}
	frames := fragments[1:]
	if l.frames == 1 && len(frames) > 1 {
		frames = [][]byte{bytes.Join(frames, nil)}
	}
	if len(frames) != l.frames {
		return nil, false
	}
	out = [][]byte{{}}
	same := offsets(fragments, l.frames)
	for _, code := range frames {
		c, ok := clean(l, code)
		if !ok {
			return nil, false
		}
		same = same && bytes.HasPrefix(code, c) && padding(code[len(c):], len(c))
		out = append(out, append(c, make([]byte, len(c)%2)...))
	}
	if same {
		return fragments, true
	}
	return out, true
}

// offsets reports whether the first fragment is empty or has the offsets of the frames, and
// nothing else. Several fragments belong to a single frame, or each to its own.
func offsets(fragments [][]byte, frames int) bool {
	table, at := fragments[0], 0
	if len(table) == 0 {
		return true
	}
	if len(table) != 4*frames {
		return false
	}
	for i := range frames {
		if int(binary.LittleEndian.Uint32(table[4*i:])) != at {
			return false
		}
		at += 8 + len(fragments[1+i]) + len(fragments[1+i])%2
	}
	return true
}

// rle returns a frame of RLE Lossless (PS3.5 G) if it has nothing but a header and segments
// that end with the last pixel.
func rle(l layout, code []byte) ([]byte, bool) {
	const header = 64
	count := l.samples * l.allocated / 8
	if len(code) < header || count < 1 || count > 15 || int(binary.LittleEndian.Uint32(code)) != count {
		return nil, false
	}
	at := header
	for i := range 15 {
		offset := int(binary.LittleEndian.Uint32(code[4+4*i:]))
		if i >= count && offset == 0 {
			continue
		}
		if i >= count || offset < at || !zeros(code[at:min(offset, len(code))], 1) {
			return nil, false
		}
		n, ok := packed(code[min(offset, len(code)):], l.pixels)
		if !ok {
			return nil, false
		}
		at = offset + n
	}
	if !zeros(code[at:], 1) {
		return nil, false
	}
	return code[:at:at], true
}

// zeros reports whether b is at most that number of zeros.
func zeros(b []byte, most int) bool {
	return len(b) <= most && len(bytes.Trim(b, "\x00")) == 0
}

// packed returns the length of the runs (PS3.5 G.3.1) that make exactly the given number of
// bytes.
func packed(b []byte, bytes int) (length int, ok bool) {
	at := 0
	for bytes > 0 {
		if at >= len(b) {
			return 0, false
		}
		switch n := int(int8(b[at])); {
		case n >= 0:
			at, bytes = at+2+n, bytes-1-n
		case n > -128:
			at, bytes = at+2, bytes-1+n
		default:
			at++
		}
	}
	return at, bytes == 0 && at <= len(b)
}
