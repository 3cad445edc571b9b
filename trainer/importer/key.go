package importer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Key makes pseudonyms of identifiers: the same pseudonym for the same identifier. Without the
// key identifiers can neither be recovered nor tested.
type Key [32]byte

// NewKey makes a key for one import.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails (crypto/rand)
	return k
}

// LoadKey reads a key file, 64 hexadecimal digits, so that several imports give a
// patient the same pseudonym. It makes the file, readable by its owner only, where
// there is none. Keep it apart from the data set.
func LoadKey(path string) (Key, error) {
	var k Key
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		k = NewKey()
		return k, writeKey(path, k)
	}
	if err != nil {
		return k, err
	}
	if len(text) < 2*len(k) {
		return k, fmt.Errorf("read key %s: want %d hexadecimal digits", path, 2*len(k))
	}
	if _, err := hex.Decode(k[:], text[:2*len(k)]); err != nil {
		return k, fmt.Errorf("read key %s: want %d hexadecimal digits", path, 2*len(k))
	}
	return k, nil
}

func writeKey(path string, k Key) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%x\n", k[:])
	return errors.Join(err, file.Sync(), file.Close())
}

// pseudonym is 16 hexadecimal digits for the identifier of a kind of thing, ""
// for an empty one.
func (k Key) pseudonym(kind, identifier string) string {
	if identifier == "" {
		return ""
	}
	h := hmac.New(sha256.New, k[:])
	fmt.Fprintf(h, "%s\x00%s", kind, identifier)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
