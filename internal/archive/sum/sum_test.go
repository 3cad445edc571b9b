package sum_test

import (
	"testing"

	"dicomnode/internal/archive/sum"
)

// The check values of CRC-32C (RFC 3720 B.4 has its parameters) and of SHA-256 (FIPS 180-4).
func TestBoth(t *testing.T) {
	var crc sum.CRC32C
	both := sum.New()
	for _, piece := range []string{"1234", "", "56789"} {
		crc.Write([]byte(piece))
		both.Write([]byte(piece))
	}
	const want = "e3069283"
	if crc.String() != want || both.CRC32C() != want {
		t.Errorf("CRC-32C %s and %s, want %s", crc, both.CRC32C(), want)
	}
	abc := sum.New()
	abc.Write([]byte("abc"))
	if got := abc.SHA256(); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("SHA-256 %s", got)
	}
}
