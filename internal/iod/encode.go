package iod

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
)

// itemTag starts an item of a sequence (PS3.5 7.5).
var itemTag = tag.Tag{Group: 0xfffe, Element: 0xe000}

// Encode writes d as Explicit VR Little Endian, sequences and items with
// defined lengths. It returns d's first violation before it writes anything.
// The same attributes always give the same bytes.
func (d *DataSet) Encode(w io.Writer) error {
	if d.err != nil {
		return d.err
	}
	if d.foreign {
		d.fold()
	}
	if _, err := d.size(); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 64<<10)
	if err := d.encode(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

func (d *DataSet) encode(w *bufio.Writer) error {
	for i := range d.elements {
		if err := d.elements[i].encode(w); err != nil {
			return err
		}
	}
	return nil
}

func (e *element) encode(w *bufio.Writer) error {
	length, err := e.size()
	if err != nil {
		return err
	}
	if _, err := w.Write(e.header(uint32(length))); err != nil {
		return err
	}
	if e.bulk != nil {
		return e.encodeBulk(w)
	}
	for _, item := range e.items {
		n, err := item.size()
		if err != nil {
			return err
		}
		if _, err := w.Write(binary.LittleEndian.AppendUint32(appendTag(nil, itemTag), uint32(n))); err != nil {
			return err
		}
		if err := item.encode(w); err != nil {
			return err
		}
	}
	_, err = w.Write(e.value)
	return err
}

// encodeBulk writes bulk data and holds it to the length it announced.
func (e *element) encodeBulk(w io.Writer) error {
	counter := &countingWriter{w: w}
	if err := e.bulk(counter); err != nil {
		return fmt.Errorf("%s: write bulk data: %w", e.tag, err)
	}
	if counter.n != int64(e.length) {
		return fmt.Errorf("%s: write bulk data: %d bytes where %d were announced", e.tag, counter.n, e.length)
	}
	return nil
}

// header is tag, VR and length (PS3.5 7.1.2, Tables 7.1-1 and 7.1-2).
func (e *element) header(length uint32) []byte {
	b := append(appendTag(make([]byte, 0, 12), e.tag), e.vr...)
	if part10.LongForm(e.vr) {
		return binary.LittleEndian.AppendUint32(append(b, 0, 0), length)
	}
	return binary.LittleEndian.AppendUint16(b, uint16(length))
}

// size is the encoded length of d, at most what a 32-bit length can say.
func (d *DataSet) size() (int64, error) {
	var sum int64
	for i := range d.elements {
		n, err := d.elements[i].size()
		if err != nil {
			return 0, err
		}
		sum += n + 8
		if part10.LongForm(d.elements[i].vr) {
			sum += 4
		}
	}
	return sum, nil
}

// size is the length of the value of e.
func (e *element) size() (int64, error) {
	sum := int64(len(e.value)) + int64(e.length)
	for _, item := range e.items {
		n, err := item.size()
		if err != nil {
			return 0, err
		}
		sum += n + 8
	}
	limit := int64(math.MaxUint32 - 1)
	if !part10.LongForm(e.vr) {
		limit = math.MaxUint16
	}
	if sum > limit {
		return 0, fmt.Errorf("%s: encode %d bytes: want at most %d", e.tag, sum, limit)
	}
	return sum, nil
}

func appendTag(b []byte, t tag.Tag) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, t.Group), t.Element)
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
