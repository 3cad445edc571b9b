package leak

import (
	"bytes"
	"encoding/binary"
)

// png searches the chunks of a PNG file (ISO/IEC 15948), inflated where they are
// compressed.
func (c *Checker) png(b []byte, report func(int64, string, string)) {
	var pixels, head []byte
	for at := 8; at+12 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[at:]))
		kind := string(b[at+4 : at+8])
		if n < 0 || n > len(b)-at-12 {
			break
		}
		data := b[at+8 : at+8+n]
		if kind == "IHDR" {
			head = data
		}
		if kind == "IDAT" {
			pixels = append(pixels, data...)
		} else {
			c.search(data, inText, shifted(report, at+8))
		}
		if i := bytes.IndexByte(data, 0); (kind == "zTXt" || kind == "iTXt") && i >= 0 {
			c.search(inflate(data[i+1:]), inText, report)
		}
		at += 12 + n
	}
	rows := inflate(pixels)
	c.search(rows, inPixels, report)
	c.search(unfiltered(head, rows), inPixels, report)
}

// unfiltered are the rows of a grey picture of 8 or 16 bits without their filters
// (ISO/IEC 15948 9.2), as many as there are; nil for other pictures. head is the data of
// the IHDR chunk (11.2.2).
func unfiltered(head, rows []byte) []byte {
	if len(head) < 13 || head[8] != 8 && head[8] != 16 || head[9] != 0 || head[12] != 0 {
		return nil // other depths, colour, interlaced
	}
	pixel := int(head[8]) / 8
	wide := int(binary.BigEndian.Uint32(head)) * pixel
	if wide <= 0 || wide >= len(rows) {
		return nil // not one row
	}
	out := make([]byte, 0, len(rows))
	above := make([]byte, wide)
	for ; len(rows) > wide; rows = rows[wide+1:] {
		line := append([]byte(nil), rows[1:wide+1]...)
		unfilter(rows[0], line, above, pixel)
		out = append(out, line...)
		above = line
	}
	return out
}

// unfilter undoes the filter of a kind in place; above is the row before.
func unfilter(kind byte, line, above []byte, pixel int) {
	for i := range line {
		var left, corner byte
		if i >= pixel {
			left, corner = line[i-pixel], above[i-pixel]
		}
		switch kind {
		case 1:
			line[i] += left
		case 2:
			line[i] += above[i]
		case 3:
			line[i] += byte((int(left) + int(above[i])) / 2)
		case 4:
			line[i] += paeth(left, above[i], corner)
		}
	}
}

// paeth is the one of three neighbours that is nearest to left + above − corner.
func paeth(left, above, corner byte) byte {
	p := int(left) + int(above) - int(corner)
	a, b, c := abs(p-int(left)), abs(p-int(above)), abs(p-int(corner))
	switch {
	case a <= b && a <= c:
		return left
	case b <= c:
		return above
	}
	return corner
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
