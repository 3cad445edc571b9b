package leak

import (
	"bytes"
	"encoding/binary"

	"dicomnode/trainer/deidentify/object"
)

// png searches the chunks of a PNG file (ISO/IEC 15948); it inflates compressed ones.
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
			c.search(inflate(data[i+1:], 0), inText, report)
		}
		at += 12 + n
	}
	rows := inflate(pixels, rawSize(head))
	c.search(rows, inPixels, report)
	c.search(unfiltered(head, rows), inPixels, report)
}

// rawSize returns the number of bytes of filtered rows of a grey picture with the IHDR head
// (ISO/IEC 15948 11.2.2), limited to the most that is read.
func rawSize(head []byte) int {
	if len(head) < 13 {
		return 0
	}
	wide, high := int64(binary.BigEndian.Uint32(head)), int64(binary.BigEndian.Uint32(head[4:]))
	if wide > object.MaxFile || high > object.MaxFile {
		return 0
	}
	return int(min((wide*int64(head[8])/8+1)*high, object.MaxFile))
}

// unfiltered returns the rows of a grey picture of 8 or 16 bits without their filters (ISO/IEC
// 15948 9.2), as many as there are; nil for other pictures. head is the data of the IHDR chunk
// (11.2.2).
func unfiltered(head, rows []byte) []byte {
	if len(head) < 13 || head[8] != 8 && head[8] != 16 || head[9] != 0 || head[12] != 0 {
		return nil // other depths, colour or interlaced
	}
	pixel := int(head[8]) / 8
	wide := int(binary.BigEndian.Uint32(head)) * pixel
	if wide <= 0 || wide >= len(rows) {
		return nil // not one row
	}
	out := make([]byte, 0, len(rows))
	above := make([]byte, wide)
	for ; len(rows) > wide; rows = rows[wide+1:] {
		out = append(out, rows[1:wide+1]...)
		line := out[len(out)-wide:]
		unfilter(rows[0], line, above, pixel)
		above = line
	}
	return out
}

// unfilter reverses a filter in place; above is the previous row.
func unfilter(kind byte, line, above []byte, pixel int) {
	above = above[:len(line)]
	switch kind {
	case 1:
		for i := pixel; i < len(line); i++ {
			line[i] += line[i-pixel]
		}
	case 2:
		for i, a := range above {
			line[i] += a
		}
	case 3:
		for i, a := range above {
			left := 0
			if i >= pixel {
				left = int(line[i-pixel])
			}
			line[i] += byte((left + int(a)) / 2)
		}
	case 4:
		for i, a := range above[:min(pixel, len(line))] {
			line[i] += a // the predictor of the first pixel is the pixel above
		}
		for i := pixel; i < len(line); i++ {
			line[i] += paeth(line[i-pixel], above[i], above[i-pixel])
		}
	}
}

// paeth returns which of three neighbours is nearest to left + above − corner.
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
