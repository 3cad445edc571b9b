package part10

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// maxMeta is the greatest length in bytes of file meta information that ReadPrivate reads.
const maxMeta = 64 << 10

// private encodes (0002,0100) Private Information Creator UID and (0002,0102) Private
// Information (PS3.10 Table 7.1-1); nothing if there is no creator.
func (m Meta) private() ([]byte, error) {
	if m.PrivateCreatorUID == "" {
		return nil, nil
	}
	if !uid.Valid(m.PrivateCreatorUID) || len(m.Private) > maxMeta/2 {
		return nil, errors.New("encode (0002,0102): want a UID of its creator and at most 32 KiB")
	}
	uid := append([]byte(m.PrivateCreatorUID), make([]byte, len(m.PrivateCreatorUID)%2)...)
	b := []byte{0x02, 0, 0x00, 0x01, 'U', 'I'}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(uid)))
	b = append(b, uid...)
	value := append(append([]byte{}, m.Private...), make([]byte, len(m.Private)%2)...)
	b = append(b, 0x02, 0, 0x02, 0x01, 'O', 'B', 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...), nil
}

// ReadPrivate reads the file meta information of a Part 10 file. It returns its Private
// Information (0002,0102) if it is that of creator, including a zero byte that pads it to even
// length; otherwise nil. Afterwards r is after the file meta information.
func ReadPrivate(r io.Reader, creator string) ([]byte, error) {
	head := make([]byte, preamble+4+12) // up to the end of (0002,0000)
	if _, err := io.ReadFull(r, head); err != nil || string(head[preamble:preamble+4]) != "DICM" {
		return nil, ErrNotPart10
	}
	// PS3.10 Table 7.1-1: (0002,0000) UL, 4 bytes: the length of what follows.
	if string(head[preamble+4:preamble+12]) != "\x02\x00\x00\x00UL\x04\x00" {
		return nil, errors.New("dicom: file meta information without its length (0002,0000)")
	}
	length := binary.LittleEndian.Uint32(head[preamble+12:])
	if length > maxMeta {
		return nil, fmt.Errorf("dicom: file meta information of %d bytes, at most %d", length, maxMeta)
	}
	group := make([]byte, length)
	if _, err := io.ReadFull(r, group); err != nil {
		return nil, fmt.Errorf("read file meta information: %w", err)
	}
	return privateIn(group, creator)
}

// privateIn finds the value in the elements of group 0002 in explicit VR little endian (PS3.5
// 7.1.2).
func privateIn(group []byte, creator string) (value []byte, err error) {
	ours := false
	for len(group) >= 8 {
		element, head, length := binary.LittleEndian.Uint16(group[2:]), 8, int(binary.LittleEndian.Uint16(group[6:]))
		if vr := string(group[4:6]); vr == "OB" || vr == "UN" {
			if len(group) < 12 {
				break
			}
			head, length = 12, int(binary.LittleEndian.Uint32(group[8:]))
		}
		if length > len(group)-head {
			return nil, &SyntaxError{Tag(0x00020000) | Tag(element), 0, "value runs past the end of the group"}
		}
		v := group[head : head+length]
		switch element {
		case 0x0100:
			ours = trimmed(v) == creator
		case 0x0102:
			value = v
		}
		group = group[head+length:]
	}
	if !ours {
		value = nil
	}
	return value, nil
}

// trimmed returns a UID without its padding zero byte (PS3.5 9.1).
func trimmed(v []byte) string {
	if n := len(v); n > 0 && v[n-1] == 0 {
		v = v[:n-1]
	}
	return string(v)
}
