// Package sum computes the checksums of stored data sets: CRC-32C while the bytes arrive,
// because it takes a tenth of the time, and SHA-256 when a file is read.
package sum

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC32C is a CRC-32C (Castagnoli, RFC 3720 12.1) of the bytes that were written to it. The
// zero value is that of no bytes. It finds damage; bytes that were made for the purpose can
// have the same value.
type CRC32C uint32

// Write adds p. It never fails.
func (c *CRC32C) Write(p []byte) (int, error) {
	*c = CRC32C(crc32.Update(uint32(*c), castagnoli, p))
	return len(p), nil
}

// String returns the value in eight hexadecimal digits.
func (c CRC32C) String() string { return fmt.Sprintf("%08x", uint32(c)) }

// Both computes CRC-32C and SHA-256 of the bytes that are written to it.
type Both struct {
	crc CRC32C
	sha hash.Hash
}

// New returns the sums of no bytes.
func New() *Both { return &Both{sha: sha256.New()} }

// Write adds p. It never fails.
func (b *Both) Write(p []byte) (int, error) {
	b.sha.Write(p)
	return b.crc.Write(p)
}

// CRC32C returns the CRC-32C in eight hexadecimal digits.
func (b *Both) CRC32C() string { return b.crc.String() }

// SHA256 returns the SHA-256 in hexadecimal.
func (b *Both) SHA256() string { return hex.EncodeToString(b.sha.Sum(nil)) }
