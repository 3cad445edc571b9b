package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Digest identifies what was trained on: the SHA-256, in hexadecimal, of the
// samples' ids, canonical pictures and labels in their order.
func Digest(samples []*Sample) string {
	h := NewHash()
	for _, s := range samples {
		h.Add(s)
	}
	return h.Digest()
}

// Hash makes the [Digest] of samples that are not in memory together.
type Hash struct {
	sum hash.Hash
	row []byte
}

// NewHash is the hash of no samples.
func NewHash() *Hash { return &Hash{sum: sha256.New(), row: make([]byte, 0, 2*Side*Side)} }

// Add takes the next sample in.
func (h *Hash) Add(s *Sample) {
	h.sum.Write([]byte(s.Item.ID))
	h.sum.Write([]byte{0})
	h.row = h.row[:0]
	for _, v := range s.X {
		h.row = binary.LittleEndian.AppendUint16(h.row, v)
	}
	h.sum.Write(h.row)
	h.sum.Write(s.Label)
}

// Digest is that of the samples added so far.
func (h *Hash) Digest() string { return hex.EncodeToString(h.sum.Sum(nil)) }
