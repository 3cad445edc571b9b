package codec

import (
	"bytes"
	"encoding/binary"
	"slices"
)

var endOfImage = []byte{0xff, 0xd9} // EOI (T.81, T.87), EOC (T.800)

// stream is a codestream in parts, as in a file, so that it is not copied before it is written
// to a worker. Slices of it share its memory.
type stream [][]byte

// leastPart is the least average size of parts in bytes. Smaller parts are joined, because
// millions of them would be slow.
const leastPart = 4 << 10

func newStream(parts [][]byte) stream {
	s := stream(parts)
	if len(parts) > 1 && s.length() < leastPart*int64(len(parts)) {
		return stream{bytes.Join(parts, nil)}
	}
	return s
}

func (s stream) length() (n int64) {
	for _, part := range s {
		n += int64(len(part))
	}
	return n
}

// peek fills b with the first bytes of the stream; false if the stream is shorter.
func (s stream) peek(b []byte) bool {
	for i := 0; i < len(s) && len(b) > 0; i++ {
		b = b[copy(b, s[i]):]
	}
	return len(b) == 0
}

// skip removes the first n bytes. It changes the list of parts, which must not be shared.
func (s *stream) skip(n int64) {
	for len(*s) > 0 && n >= int64(len((*s)[0])) {
		n -= int64(len((*s)[0]))
		*s = (*s)[1:]
	}
	if len(*s) > 0 {
		(*s)[0] = (*s)[0][n:]
	}
}

// first returns the first n bytes, followed by an end marker.
func (s stream) first(n int64) (out stream) {
	for _, part := range s {
		part = part[:min(n, int64(len(part)))]
		n -= int64(len(part))
		out = append(out, part)
	}
	return append(out, endOfImage)
}

// lastEnd returns the offset of the last end marker, -1 if there is none.
func (s stream) lastEnd() int64 {
	at := s.length()
	var behind []byte // first byte of the following part
	for i := len(s) - 1; i >= 0; i-- {
		part := s[i]
		at -= int64(len(part))
		if n := len(part); n > 0 && len(behind) > 0 && part[n-1] == endOfImage[0] && behind[0] == endOfImage[1] {
			return at + int64(n) - 1
		}
		if k := bytes.LastIndex(part, endOfImage); k >= 0 {
			return at + int64(k)
		}
		if len(part) > 0 {
			behind = part[:1]
		}
	}
	return -1
}

// zerosBefore counts the zero bytes before end.
func (s stream) zerosBefore(end int64) (n int64) {
	at := s.length()
	for i := len(s) - 1; i >= 0; i-- {
		at -= int64(len(s[i]))
		if at >= end {
			continue
		}
		part := s[i][:min(end-at, int64(len(s[i])))]
		data := len(bytes.TrimRight(part, "\x00"))
		n += int64(len(part) - data)
		if data > 0 {
			break
		}
	}
	return n
}

// variants returns the codestream and, for a decoder that refuses it, corrected forms of it in
// the order to try them.
func variants(f Family, code stream) []stream {
	if f == JPEG2000 || f == HTJ2K {
		return []stream{tidyTileParts(code)}
	}
	return append([]stream{code}, withoutPadding(code)...)
}

// tidyTileParts removes what is between the last tile-part and the end of a JPEG 2000
// codestream. Some encoders write a COM segment there as padding, which T.800 A.3 does not
// allow and decoders refuse. A codestream that cannot be parsed is returned unchanged.
func tidyTileParts(code stream) stream {
	const sot, header = 0xff90, 12
	var b [header]byte
	all, at, rest := code.length(), int64(0), slices.Clone(code)
	skip := func(n int64) {
		at += n
		rest.skip(n)
	}
	skip(2)
	for rest.peek(b[:4]) && binary.BigEndian.Uint16(b[:]) != sot {
		skip(2 + int64(binary.BigEndian.Uint16(b[2:])))
	}
	tileParts := 0
	for rest.peek(b[:]) && binary.BigEndian.Uint16(b[:]) == sot {
		length := int64(binary.BigEndian.Uint32(b[6:])) // Psot: T.800 A.4.2
		if length < header || length > all-at {
			return code // 0: the tile-part extends to the end; otherwise damaged
		}
		skip(length)
		tileParts++
	}
	if tileParts == 0 || rest.peek(b[:2]) && bytes.Equal(b[:2], endOfImage) {
		return code
	}
	return code.first(at)
}

// withoutPadding returns the codestream without the zero bytes before its EOI, which some
// encoders write as padding and CharLS refuses. Up to two zeros may belong to the data, so
// there are three variants.
func withoutPadding(code stream) (list []stream) {
	end := code.lastEnd()
	if end < 0 {
		return nil
	}
	data := end - code.zerosBefore(end)
	for keep := data; keep < end && keep <= data+2; keep++ {
		list = append(list, code.first(keep))
	}
	return list
}
