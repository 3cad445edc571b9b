package deidentify

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// KeyVariable is the environment variable with the key if no file is given.
const KeyVariable = "DICOMNODE_EXPORT_KEY"

// ErrNoKey says that neither a file nor the environment has a key.
var ErrNoKey = errors.New("no key file is named")

// ErrKeyReadable says that other users can read the key file.
var ErrKeyReadable = errors.New("key can be read by others")

// CreateKey creates a key file of 64 hexadecimal digits that only its owner can read. It
// returns an error if the file exists.
func CreateKey(path string) error {
	var k Key
	_, _ = rand.Read(k[:]) // never fails (crypto/rand)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	_, err = fmt.Fprintf(file, "%x\n", k[:])
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	return nil
}

// LoadKey reads the key from a file or, if path is "", from KeyVariable. It returns
// ErrKeyReadable if other users can read the file.
func LoadKey(path string) (Key, error) {
	if path == "" {
		text, ok := os.LookupEnv(KeyVariable)
		if !ok {
			return Key{}, fmt.Errorf("%w, and %s is not set", ErrNoKey, KeyVariable)
		}
		return parseKey(text)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("read key %s: %w (mode %04o, want 0600)", path, ErrKeyReadable, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	return parseKey(string(text))
}

func parseKey(text string) (k Key, err error) {
	text = strings.TrimSpace(text)
	if n, err := hex.Decode(k[:], []byte(text[:min(len(text), 2*len(k))])); err != nil || n != len(k) || len(text) != 2*len(k) {
		return Key{}, fmt.Errorf("read key: want %d hexadecimal digits", 2*len(k))
	}
	return k, nil
}
