package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// field is one field of a protobuf message being read. Its content is a slice
// of the input, so nothing is allocated for a length the input claims.
type field struct {
	number, wire int
	varint       uint64
	content      []byte
}

var errTruncated = errors.New("message ends inside a field")

// fields calls visit for each field of a message, in order, until an error.
func fields(data []byte, visit func(field) error) error {
	for len(data) > 0 {
		f, rest, err := next(data)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		data = rest
	}
	return nil
}

func next(data []byte) (f field, rest []byte, err error) {
	tag, data, err := uvarint(data)
	if err != nil {
		return f, nil, err
	}
	f.number, f.wire = int(tag>>3), int(tag&7)
	if tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, nil, fmt.Errorf("field number %d", tag>>3)
	}
	size := uint64(0)
	switch f.wire {
	case wireVarint:
		f.varint, data, err = uvarint(data)
		return f, data, err
	case wireBytes:
		if size, data, err = uvarint(data); err != nil {
			return f, nil, err
		}
	case wireFixed32:
		size = 4
	case wireFixed64:
		size = 8
	default:
		return f, nil, fmt.Errorf("wire type %d", f.wire)
	}
	if size > uint64(len(data)) {
		return f, nil, errTruncated
	}
	f.content = data[:size:size]
	return f, data[size:], nil
}

func uvarint(data []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, errTruncated
	}
	return v, data[n:], nil
}

func (f field) int() (int64, error) {
	if f.wire != wireVarint {
		return 0, f.wrong("a number")
	}
	return int64(f.varint), nil
}

func (f field) message() ([]byte, error) {
	if f.wire != wireBytes {
		return nil, f.wrong("bytes")
	}
	return f.content, nil
}

func (f field) string() (string, error) {
	if f.wire != wireBytes || !utf8.Valid(f.content) {
		return "", f.wrong("text")
	}
	return string(f.content), nil
}

func (f field) wrong(want string) error {
	return fmt.Errorf("field %d is not %s", f.number, want)
}
