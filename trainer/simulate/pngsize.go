package simulate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"math"
	"os"
)

// pHYsAt is the offset of the chunk with the pixel size: after signature and IHDR, which have
// 33 bytes (PNG specification, 5.2 and 11.2.2). Any place before the image data is allowed
// (5.6).
const (
	pHYsAt    = 33
	pHYsBytes = 21
)

// encodePNG encodes a picture whose pixels are mm wide and high (pHYs, 11.3.5.3); 0 means
// unknown.
func encodePNG(w io.Writer, m image.Image, mm float64) error {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, m); err != nil {
		return err
	}
	if !(mm > 0) {
		_, err := b.WriteTo(w)
		return err
	}
	perMetre := uint32(min(math.Round(1000/mm), math.MaxInt32))
	chunk := append([]byte{0, 0, 0, 9}, "pHYs"...)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(chunk, 1) // unit: metre
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	for _, part := range [][]byte{b.Bytes()[:pHYsAt], chunk, b.Bytes()[pHYsAt:]} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// spacingOf reads the pixel size that encodePNG wrote, in mm as text; "" if it wrote none.
func spacingOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b [pHYsBytes]byte
	if _, err := f.ReadAt(b[:], pHYsAt); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	perMetre := binary.BigEndian.Uint32(b[8:])
	if string(b[4:8]) != "pHYs" || perMetre == 0 || b[16] != 1 {
		return "", nil
	}
	return fmt.Sprintf("%.5g", 1000/float64(perMetre)), nil
}
