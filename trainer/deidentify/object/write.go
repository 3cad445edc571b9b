package object

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Write writes o as a new Part 10 file: a preamble of zeros, file meta information of this
// program (PS3.10 7.1), and the data set in explicit VR little endian with defined lengths.
// Encapsulated pixel data is not changed and keeps its transfer syntax. Equal trees give equal
// bytes.
func (o *Object) Write(w io.Writer) error {
	m := part10.Meta{SOPClassUID: o.First(0x00080016), SOPInstanceUID: o.First(0x00080018), TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if e := o.Find(PixelData); e != nil && e.Fragments != nil {
		m.TransferSyntaxUID = o.TransferSyntaxUID
	}
	if err := part10.WriteMeta(w, m); err != nil {
		return fmt.Errorf("write file meta information: %w", err)
	}
	return o.Set.write(w)
}

func (s *Set) write(w io.Writer) error {
	for _, e := range s.Elements {
		if err := e.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (e *Element) write(w io.Writer) error {
	length, err := e.size()
	if err != nil {
		return err
	}
	if e.Fragments != nil {
		return e.writeFragments(w)
	}
	if _, err := w.Write(e.head(uint32(length))); err != nil {
		return err
	}
	for _, item := range e.Items {
		n, err := item.size()
		if err != nil {
			return err
		}
		if _, err := w.Write(itemHead(tagItem, uint32(n))); err != nil {
			return err
		}
		if err := item.write(w); err != nil {
			return err
		}
	}
	if _, err = w.Write(e.Value); err == nil && len(e.Value)%2 == 1 { // PS3.5 7.1.1
		_, err = w.Write([]byte{0})
	}
	return err
}

func (e *Element) writeFragments(w io.Writer) error {
	if _, err := w.Write(e.head(undefined)); err != nil {
		return err
	}
	for _, f := range e.Fragments {
		if _, err := w.Write(itemHead(tagItem, uint32(len(f)+len(f)%2))); err != nil {
			return err
		}
		if _, err := w.Write(append(f[:len(f):len(f)], make([]byte, len(f)%2)...)); err != nil {
			return err
		}
	}
	_, err := w.Write(itemHead(tagSequenceDelimitation, 0))
	return err
}

// head returns tag, VR and length (PS3.5 7.1.2).
func (e *Element) head(length uint32) []byte {
	b := binary.LittleEndian.AppendUint16(make([]byte, 0, 12), uint16(e.Tag>>16))
	b = append(binary.LittleEndian.AppendUint16(b, uint16(e.Tag)), e.VR...)
	if part10.LongForm(e.VR) {
		return binary.LittleEndian.AppendUint32(append(b, 0, 0), length)
	}
	return binary.LittleEndian.AppendUint16(b, uint16(length))
}

func itemHead(t part10.Tag, length uint32) []byte {
	b := binary.LittleEndian.AppendUint16(make([]byte, 0, 8), uint16(t>>16))
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(b, uint16(t)), length)
}

// size returns the length of the value of e; the length of fragments is not needed.
func (e *Element) size() (int64, error) {
	sum := int64(len(e.Value) + len(e.Value)%2)
	for _, item := range e.Items {
		n, err := item.size()
		if err != nil {
			return 0, err
		}
		sum += n + 8
	}
	limit := int64(math.MaxUint32 - 1)
	if !part10.LongForm(e.VR) {
		limit = math.MaxUint16 - 1
	}
	if sum > limit || len(e.VR) != 2 {
		return 0, fmt.Errorf("write %v: %d bytes of VR %q, at most %d", e.Tag, sum, e.VR, limit)
	}
	return sum, nil
}

func (s *Set) size() (int64, error) {
	var sum int64
	for _, e := range s.Elements {
		n, err := e.size()
		if err != nil {
			return 0, err
		}
		sum += n + 8
		if part10.LongForm(e.VR) {
			sum += 4
		}
		if e.Fragments != nil {
			sum += 8
			for _, f := range e.Fragments {
				sum += 8 + int64(len(f)+len(f)%2)
			}
		}
	}
	return sum, nil
}
