package export

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
)

// encodeGrey16 encodes a PNG file (ISO/IEC 15948) of a 16-bit picture. It uses the filter Up
// and only Huffman coding. Searching for repetitions would not compress better, because the
// lower byte of detector values is noise, and would take four times as long.
func encodeGrey16(m *image.Gray16) ([]byte, error) {
	wide, high := 2*m.Rect.Dx(), m.Rect.Dy()
	var b bytes.Buffer
	b.Grow(len(m.Pix)*3/4 + 1024)
	b.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(m.Rect.Dx()))
	head = binary.BigEndian.AppendUint32(head, uint32(high))
	chunk(&b, "IHDR", append(head, 16, 0, 0, 0, 0)) // 16 bits, grey, default compression and filter method, not interlaced
	var packed bytes.Buffer
	packed.Grow(len(m.Pix) * 3 / 4)
	z, err := zlib.NewWriterLevel(&packed, zlib.HuffmanOnly)
	if err != nil {
		return nil, err
	}
	row, above := make([]byte, wide+1), make([]byte, wide)
	row[0] = 2
	for y := range high {
		line := m.Pix[y*m.Stride:][:wide]
		for i, v := range line {
			row[i+1] = v - above[i]
		}
		if _, err := z.Write(row); err != nil {
			return nil, err
		}
		above = line
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	chunk(&b, "IDAT", packed.Bytes())
	chunk(&b, "IEND", nil)
	return b.Bytes(), nil
}

// chunk appends a chunk (ISO/IEC 15948 5.3).
func chunk(b *bytes.Buffer, kind string, data []byte) {
	_ = binary.Write(b, binary.BigEndian, uint32(len(data))) // writing to a buffer cannot fail
	at := b.Len()
	b.WriteString(kind)
	b.Write(data)
	_ = binary.Write(b, binary.BigEndian, crc32.ChecksumIEEE(b.Bytes()[at:]))
}
