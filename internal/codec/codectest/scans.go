package codectest

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// ThreeScans makes a JPEG codestream of three components, each in a scan of its own (T.81
// A.2.2), of the codestream of one component.
func ThreeScans(tb testing.TB, code []byte) []byte {
	tb.Helper()
	out := bytes.Clone(code[:2]) // SOI
	for at := 2; at+4 <= len(code); {
		marker, length := code[at+1], 2+int(binary.BigEndian.Uint16(code[at+2:]))
		segment := bytes.Clone(code[at : at+length])
		at += length
		switch {
		case marker >= 0xC0 && marker <= 0xC3: // SOF
			out = append(out, threeComponents(segment)...)
		case marker == 0xDA: // SOS; then the entropy-coded data and EOI
			for id := byte(1); id <= 3; id++ {
				segment[5] = id
				out = append(append(out, segment...), code[at:len(code)-2]...)
			}
			return append(out, 0xFF, 0xD9)
		default:
			out = append(out, segment...)
		}
	}
	tb.Fatal("a JPEG codestream without a scan")
	return nil
}

// threeComponents repeats the only component of a frame header (T.81 B.2.2).
func threeComponents(frame []byte) []byte {
	const length, count, first = 2, 9, 10
	binary.BigEndian.PutUint16(frame[length:], binary.BigEndian.Uint16(frame[length:])+6)
	frame[count], frame[first] = 3, 1
	return append(frame, 2, frame[11], frame[12], 3, frame[11], frame[12])
}
