// Package scans takes JPEG codestreams apart at their scans (T.81). An image with several
// components may have each in a scan of its own (A.2.2). For such an image libjpeg keeps all
// coefficients, two bytes for each sample, beside the samples; a worker decodes its components
// one after the other instead, as images of their own. The package decodes nothing.
package scans

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// Markers of T.81 Table B.1.
const (
	sof0, progressive, sof3, sof15 = 0xC0, 0xC2, 0xC3, 0xCF
	dht, jpgExtension, arithmetic  = 0xC4, 0xC8, 0xCC // among the SOF, but none
	rst0, rst7, eoi, sos, dnl      = 0xD0, 0xD7, 0xD9, 0xDA, 0xDC
)

var endOfImage = []byte{0xFF, eoi}

// Errors of codestreams that libjpeg decodes, but with too much memory.
var (
	ErrProgressive = errors.New("progressive JPEG in colour: no transfer syntax that is decoded here has it (PS3.5 A.4.1), and it takes too much memory")
	ErrMixed       = errors.New("JPEG in colour with several scans, one of several components: it takes too much memory")
)

// segment is a marker segment (T.81 B.1.1.4) with its marker; of SOS also the entropy-coded
// data after it.
type segment struct {
	marker byte
	bytes  []byte
}

// segments divides a codestream at its markers. ok is false if it is damaged.
func segments(code []byte) (list []segment, ok bool) {
	for at := 2; at+4 <= len(code) && code[at] == 0xFF; {
		marker := code[at+1]
		switch marker {
		case 0xFF: // fill byte, B.1.1.2
			at++
			continue
		case eoi:
			return list, true
		}
		end := at + 2 + int(binary.BigEndian.Uint16(code[at+2:]))
		if end > len(code) {
			return nil, false
		}
		if marker == sos {
			end += entropyCoded(code[end:])
		}
		list = append(list, segment{marker, code[at:end]})
		at = end
	}
	return list, len(code) >= 2 && bytes.HasSuffix(code, endOfImage)
}

// entropyCoded returns the length of the data up to the next marker. Restart markers and zeros
// after 0xFF belong to the data (T.81 B.1.1.5).
func entropyCoded(b []byte) int {
	for at := 0; ; {
		k := bytes.IndexByte(b[at:], 0xFF)
		if k < 0 || at+k+1 >= len(b) {
			return len(b)
		}
		at += k
		if next := b[at+1]; next != 0 && (next < rst0 || next > rst7) && next != 0xFF {
			return at
		}
		at++
	}
}

// frameHeader is the marker segment SOF with its marker (T.81 B.2.2).
type frameHeader []byte

// frameOf finds the frame header; nil if there is none, or several, as in a hierarchical image.
func frameOf(list []segment) (h frameHeader) {
	for _, s := range list {
		isSOF := s.marker >= sof0 && s.marker <= sof15 && s.marker != dht && s.marker != jpgExtension && s.marker != arithmetic
		switch {
		case !isSOF:
		case h != nil || len(s.bytes) < 10 || len(s.bytes) < 10+3*int(s.bytes[9]):
			return nil
		default:
			h = s.bytes
		}
	}
	return h
}

func (h frameHeader) components() int { return int(h[9]) }

// sampledAlike reports whether all components have the same size.
func (h frameHeader) sampledAlike() bool {
	for k := range h.components() {
		if h[11+3*k] != h[11] {
			return false
		}
	}
	return true
}

// only returns the header of an image with component k alone.
func (h frameHeader) only(k int) []byte {
	const length, oneToOne = 11, 0x11
	one := append([]byte{h[0], h[1], 0, length}, h[4:9]...)
	return append(one, 1, h[10+3*k], oneToOne, h[12+3*k])
}

// index returns the component with an identifier, -1 if there is none.
func (h frameHeader) index(id byte) int {
	for k := range h.components() {
		if h[10+3*k] == id {
			return k
		}
	}
	return -1
}

// Components returns a codestream, in parts that share the memory of code, for each component
// of a JPEG codestream that has each in a scan of its own and all of one size; nil for other
// codestreams. The error says that the image takes too much memory.
func Components(code []byte) ([][][]byte, error) {
	list, ok := segments(code)
	h := frameOf(list)
	if !ok || h == nil || h.components() < 2 {
		return nil, nil // if it is damaged, the library says so
	}
	scans := 0
	for _, s := range list {
		if s.marker == sos {
			scans++
		}
	}
	switch {
	case h[1] == progressive:
		return nil, ErrProgressive
	case scans < 2 || !h.sampledAlike() || h[1] > sof3:
		return nil, nil
	}
	return apart(list, h)
}

// apart takes a sequential codestream apart. Tables are valid for all scans after them.
func apart(list []segment, h frameHeader) ([][][]byte, error) {
	all := make([][][]byte, h.components())
	tables := [][]byte{{0xFF, 0xD8}} // SOI
	for _, s := range list {
		switch {
		case s.marker == dnl:
			return nil, nil
		case s.marker != sos:
			if s.marker != h[1] {
				tables = append(tables, s.bytes)
			}
			continue
		case len(s.bytes) < 6:
			return nil, nil
		case s.bytes[4] != 1:
			return nil, ErrMixed
		}
		k := h.index(s.bytes[5])
		if k < 0 || all[k] != nil {
			return nil, nil
		}
		all[k] = append(slices.Clone(tables), h.only(k), s.bytes, endOfImage)
	}
	if slices.ContainsFunc(all, func(s [][]byte) bool { return s == nil }) {
		return nil, nil
	}
	return all, nil
}
