package pixels

import (
	"bytes"
	"encoding/binary"
)

// Markers of T.81 Table B.1 and T.87 Table C.1.
const (
	soi, eoi, sos, dnl, dri = 0xD8, 0xD9, 0xDA, 0xDC, 0xDD
	dht, dac, dqt, com      = 0xC4, 0xCC, 0xDB, 0xFE
	app0, app8, app14       = 0xE0, 0xE8, 0xEE
	sof0, sof15, jpg        = 0xC0, 0xCF, 0xC8
	rst0, rst7              = 0xD0, 0xD7
	sof55, lse              = 0xF7, 0xF8
)

// segment returns the marker segment at the beginning of code, with its marker (T.81 B.1.1.4,
// T.800 A.1.2); nil if there is none.
func segment(code []byte) []byte {
	if len(code) < 4 || code[0] != 0xFF {
		return nil
	}
	length := int(binary.BigEndian.Uint16(code[2:]))
	if length < 2 || 2+length > len(code) {
		return nil
	}
	return code[: 2+length : 2+length]
}

func jpeg(_ layout, code []byte) ([]byte, bool) { return images(code, false) }

func jpegLS(_ layout, code []byte) ([]byte, bool) { return images(code, true) }

// images returns a codestream of JPEG (T.81) or JPEG-LS (T.87) up to its end of image, without
// comments and application data that no decoder needs.
func images(code []byte, ls bool) (out []byte, ok bool) {
	if !bytes.HasPrefix(code, []byte{0xFF, soi}) {
		return nil, false
	}
	out = append(make([]byte, 0, len(code)+1), 0xFF, soi)
	for at := 2; ; {
		for at+1 < len(code) && code[at] == 0xFF && code[at+1] == 0xFF { // fill bytes, T.81 B.1.1.2
			at++
		}
		if bytes.HasPrefix(code[at:], []byte{0xFF, eoi}) {
			return append(out, 0xFF, eoi), true
		}
		s := segment(code[at:])
		if s == nil {
			return nil, false
		}
		needed, ok := kept(s, ls)
		if !ok {
			return nil, false
		}
		out, at = append(out, needed...), at+len(s)
		if s[1] == sos {
			n := entropyCoded(code[at:], ls)
			out, at = append(out, code[at:at+n]...), at+n
		}
	}
}

// entropyCoded returns the length of the data up to the next marker. In T.81 a marker is 0xFF
// and what is neither zero nor a restart (B.1.1.5), in T.87 it has the next bit set too (A.1).
func entropyCoded(b []byte, ls bool) int {
	for at := 0; ; at++ {
		k := bytes.IndexByte(b[at:], 0xFF)
		if k < 0 || at+k+1 >= len(b) {
			return len(b)
		}
		at += k
		next := b[at+1]
		if next != 0 && (next < rst0 || next > rst7) && (!ls || next >= 0x80) {
			return at
		}
	}
}

// kept returns what is needed of a marker segment. It returns false if the segment is unknown,
// or longer than its contents.
func kept(s []byte, ls bool) ([]byte, bool) {
	switch m := s[1]; {
	case m == com, m >= app0 && m <= 0xEF:
		return application(s), true
	case m == dht, m == dac, m == dqt, ls && m == lse:
		return s, true
	case m == dri, m == dnl:
		return s, len(s) == 6 || ls && len(s) <= 8
	case m == sos:
		return s, len(s) >= 5 && len(s) == 8+2*int(s[4])
	case m >= sof0 && m <= sof15 && m != jpg, ls && m == sof55:
		return s, len(s) >= 10 && len(s) == 10+3*int(s[9])
	}
	return nil, false
}

// application returns what decoders read of application data, nothing of others: that JFIF or
// Adobe tell the colours (T.871, T.872 6.5.3), and HP's colour transform in JPEG-LS.
func application(s []byte) []byte {
	switch data := s[4:]; {
	case s[1] == app0 && len(data) >= 14 && bytes.HasPrefix(data, []byte("JFIF\x00")):
		return []byte("\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	case s[1] == app14 && len(data) >= 12 && bytes.HasPrefix(data, []byte("Adobe")):
		return append([]byte("\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00"), data[11])
	case s[1] == app8 && len(data) == 5 && bytes.HasPrefix(data, []byte("mrfx")):
		return s
	}
	return nil
}

// Markers of T.800 Table A.2.
const (
	soc, siz, sot, sod, eoc, comment = 0x4F, 0x51, 0x90, 0x93, 0xD9, 0x64
)

// headers are the marker segments of headers of T.800 and T.814 that are kept: CAP, SIZ, COD,
// COC, TLM, PRF, PLM, PLT, CPF, QCD, QCC, RGN, POC, PPM, PPT and CRG.
var headers = []byte{0x50, siz, 0x52, 0x53, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63}

// jpeg2000 returns a codestream of JPEG 2000 (T.800) up to its end, with comments overwritten
// by zeros, because lengths of tile-parts stand in several places.
func jpeg2000(_ layout, code []byte) ([]byte, bool) {
	if !bytes.HasPrefix(code, []byte{0xFF, soc}) {
		return nil, false
	}
	out := append(make([]byte, 0, len(code)+1), code...)
	at, ok := header(out, 2, sot)
	for ok && at+2 <= len(out) && out[at] == 0xFF {
		switch out[at+1] {
		case eoc:
			return out[:at+2], true
		case sot:
			at, ok = tilePart(out, at)
		default:
			return nil, false
		}
	}
	return nil, false
}

// header overwrites the comments of a header and returns where it ends, at the marker end.
func header(out []byte, at int, end byte) (int, bool) {
	for at+2 <= len(out) && (out[at] != 0xFF || out[at+1] != end) {
		s := segment(out[at:])
		switch {
		case s == nil:
			return 0, false
		case s[1] == comment:
			clear(s[4:])
		case bytes.IndexByte(headers, s[1]) < 0, s[1] == siz && (len(s) < 40 || len(s) != 40+3*int(binary.BigEndian.Uint16(s[38:]))):
			return 0, false
		}
		at += len(s)
	}
	return at, at+2 <= len(out)
}

// tilePart returns where the tile-part at at ends (T.800 A.4.2). A length of 0 means that it
// extends to the end of the codestream.
func tilePart(out []byte, at int) (end int, ok bool) {
	s := segment(out[at:])
	if len(s) != 12 {
		return 0, false
	}
	length := int(binary.BigEndian.Uint32(s[6:]))
	data, ok := header(out, at+len(s), sod)
	switch {
	case !ok:
		return 0, false
	case length > 0:
		return at + length, at+length >= data+2 && length <= len(out)-at
	}
	n := bytes.Index(out[data+2:], []byte{0xFF, eoc})
	return data + 2 + n, n >= 0
}
