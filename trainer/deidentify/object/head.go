package object

import (
	"fmt"
	"io"
)

// ParseHead reads the elements of a Part 10 file before its pixel data, and little more.
func ParseHead(r io.Reader) (*Object, error) {
	var file []byte
	for size := 256 << 10; ; size *= 8 {
		part, err := io.ReadAll(io.LimitReader(r, int64(min(size, MaxFile)-len(file))))
		if err != nil {
			return nil, fmt.Errorf("read object: %w", err)
		}
		file = append(file, part...)
		o, pixels, err := parse(file, true)
		if pixels || len(file) < min(size, MaxFile) || size >= MaxFile { // there is no more to read
			return o, err
		}
	}
}
