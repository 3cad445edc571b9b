package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// sealHead begins the last entry of a sealed model's metadata (ModelProto field 14,
// StringStringEntryProto): key sha256, and a value of 64 hexadecimal digits, the SHA-256
// of all bytes before the entry.
var sealHead = []byte("\x72\x4a\x0a\x06sha256\x12\x40")

const sealDigits = 2 * sha256.Size

// Seal adds the sum of its bytes to a model.
func Seal(data []byte) []byte {
	sum := sha256.Sum256(data)
	return append(append(bytes.Clone(data), sealHead...), hex.EncodeToString(sum[:])...)
}

// CheckSeal compares a model with its sum; sealed is false when it has none.
func CheckSeal(data []byte) (sealed bool, err error) {
	at := len(data) - sealDigits - len(sealHead)
	if at < 0 {
		return false, nil
	}
	head, digits := data[at:at+len(sealHead)], data[at+len(sealHead):]
	switch others := differences(head, sealHead); {
	case others > 1:
		return false, nil
	case others == 1: // or the sum could be hidden by the one byte that has changed
		return false, errors.New("its checksum is damaged")
	}
	if sum := sha256.Sum256(data[:at]); hex.EncodeToString(sum[:]) != string(digits) {
		return false, errors.New("its bytes have changed since it was exported")
	}
	return true, nil
}

// differences counts the bytes in which two texts of one length differ.
func differences(a, b []byte) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
