package codec

import (
	"bytes"
	"encoding/binary"
)

var endOfImage = []byte{0xff, 0xd9} // EOI (T.81, T.87), EOC (T.800)

// variants are the codestream and, should its decoder refuse it, what it may have
// been meant to be. The first is always tried.
func variants(f Family, code []byte) [][]byte {
	if f == JPEG2000 || f == HTJ2K {
		return [][]byte{tidyTileParts(code)}
	}
	return append([][]byte{code}, withoutPadding(code)...)
}

// tidyTileParts cuts what stands between the last tile-part and the end of a JPEG 2000
// codestream. Some encoders pad with a COM segment there, where T.800 A.3 allows
// nothing; decoders stop. A codestream that is not understood is returned as it is.
func tidyTileParts(code []byte) []byte {
	const sot, header = 0xff90, 12
	at := 2
	for at+4 <= len(code) && binary.BigEndian.Uint16(code[at:]) != sot {
		at += 2 + int(binary.BigEndian.Uint16(code[at+2:]))
	}
	tileParts := 0
	for at+header <= len(code) && binary.BigEndian.Uint16(code[at:]) == sot {
		length := int64(binary.BigEndian.Uint32(code[at+6:])) // Psot: T.800 A.4.2
		if length < header || length > int64(len(code)-at) {
			return code // 0 means that it reaches to the end; else it is damaged
		}
		at += int(length)
		tileParts++
	}
	if tileParts == 0 || bytes.HasPrefix(code[at:], endOfImage) {
		return code
	}
	return append(bytes.Clone(code[:at]), endOfImage...)
}

// withoutPadding lists the codestream without zero bytes before its EOI, which some
// encoders pad with and CharLS refuses. Up to two zeros may belong to the data, so
// three lengths are tried.
func withoutPadding(code []byte) (list [][]byte) {
	end := bytes.LastIndex(code, endOfImage)
	if end < 0 {
		return nil
	}
	data := len(bytes.TrimRight(code[:end], "\x00"))
	for keep := data; keep < end && keep <= data+2; keep++ {
		list = append(list, append(bytes.Clone(code[:keep]), endOfImage...))
	}
	return list
}
