package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Digest identifies what was trained on: the SHA-256, in hexadecimal, of the
// samples' ids, canonical pictures and labels in their order.
func Digest(samples []*Sample) string {
	h := sha256.New()
	row := make([]byte, 0, 2*Side*Side)
	for _, s := range samples {
		h.Write([]byte(s.Item.ID))
		h.Write([]byte{0})
		row = row[:0]
		for _, v := range s.X {
			row = binary.LittleEndian.AppendUint16(row, v)
		}
		h.Write(row)
		h.Write(s.Label)
	}
	return hex.EncodeToString(h.Sum(nil))
}
