package part10

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"dicomnode/internal/uid"
)

// ErrNotPart10 says that a stream has no DICM prefix (PS3.10 7.1).
var ErrNotPart10 = errors.New("dicom: not a Part 10 file: no DICM prefix")

const preamble = 128 // bytes before the prefix

// ReadHeader reads the beginning of a Part 10 file as far as Header needs. It
// may read further than the last byte it uses; what follows Series Instance UID
// is not checked.
func ReadHeader(r io.Reader) (Header, error) {
	w := &window{src: r, buf: make([]byte, 16<<10)}
	b, err := w.peek(preamble + 4)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && string(b[preamble:]) != "DICM" {
		return Header{}, ErrNotPart10
	}
	if err != nil {
		return Header{}, err
	}
	if err := w.skip(preamble + 4); err != nil {
		return Header{}, err
	}
	ts, err := readMeta(w)
	if err != nil {
		return Header{}, err
	}
	offset := w.offset()
	if ts == uid.DeflatedExplicitVRLittleEndian {
		rest := io.MultiReader(bytes.NewReader(w.buf[w.lo:w.hi]), w.src)
		w = &window{src: &bounded{flate.NewReader(rest), maxInflated}, buf: make([]byte, 16<<10)}
	}
	k := newWalker(w, encodingOf(ts))
	err = k.run(headerEnd)
	k.header.TransferSyntaxUID, k.header.DatasetOffset = ts, offset
	return k.header, err
}

// readMeta reads group 0002, always explicit VR little endian (PS3.10 7.1),
// and returns Transfer Syntax UID.
func readMeta(w *window) (string, error) {
	ts := ""
	for {
		b, err := w.peek(2)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil || binary.LittleEndian.Uint16(b) != 2 {
			break
		}
		el, err := w.next(encoding{explicit: true})
		if err != nil {
			return "", err
		}
		k := walker{window: w, found: map[Tag]bool{}}
		if el.tag == 0x00020010 {
			err = k.collect(&ts, el)
		} else {
			err = k.pass(&level{end: 1 << 62}, el)
		}
		if err != nil {
			return "", err
		}
	}
	if !uid.Valid(ts) {
		return "", errors.New("dicom: file meta information without a transfer syntax")
	}
	return ts, nil
}

// WriteMeta writes what stands before the data set in a Part 10 file: a
// preamble of zeros, the prefix and group 0002 (PS3.10 7.1). The data set
// follows as it is. Values that the standard does not allow are an error and
// nothing is written.
func WriteMeta(w io.Writer, m Meta) error {
	group, err := m.elements()
	if err != nil {
		return err
	}
	head := make([]byte, preamble, preamble+16+len(group))
	head = append(head, "DICM"...)
	head = append(head, 0x02, 0, 0x00, 0, 'U', 'L', 4, 0) // (0002,0000) File Meta Information Group Length
	head = binary.LittleEndian.AppendUint32(head, uint32(len(group)))
	_, err = w.Write(append(head, group...))
	return err
}

// elements encodes group 0002 behind its group length.
func (m Meta) elements() ([]byte, error) {
	if m.ImplementationClassUID == "" {
		m.ImplementationClassUID = uid.Implementation
	}
	if m.ImplementationVersionName == "" {
		m.ImplementationVersionName = uid.ImplementationVersionName
	}
	// (0002,0001) File Meta Information Version, OB, 00 01.
	b := []byte{0x02, 0, 0x01, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01}
	for _, f := range []struct {
		element  byte
		vr       string
		value    string
		required bool
	}{
		{0x02, "UI", m.SOPClassUID, true},
		{0x03, "UI", m.SOPInstanceUID, true},
		{0x10, "UI", m.TransferSyntaxUID, true},
		{0x12, "UI", m.ImplementationClassUID, true},
		{0x13, "SH", m.ImplementationVersionName, true},
		{0x16, "AE", m.SourceAE, false},
		{0x18, "AE", m.ReceivingAE, false},
	} {
		if f.value == "" && !f.required {
			continue
		}
		if err := checkMeta(f.vr, f.value); err != nil {
			return nil, fmt.Errorf("encode %v: %w", Tag(0x00020000)|Tag(f.element), err)
		}
		b = append(b, 0x02, 0, f.element, 0, f.vr[0], f.vr[1])
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.value)+len(f.value)%2))
		b = append(b, f.value...)
		if len(f.value)%2 == 1 {
			b = append(b, pad(f.vr))
		}
	}
	return b, nil
}

// pad is what fills a value to even length (PS3.5 6.2).
func pad(vr string) byte {
	if vr == "UI" {
		return 0
	}
	return ' '
}

// checkMeta tells what keeps value from being written as vr.
func checkMeta(vr, value string) error {
	switch {
	case vr == "UI" && !uid.Valid(value):
		return errors.New("not a UID")
	case vr != "UI" && (len(value) > 16 || strings.TrimSpace(value) == ""):
		return errors.New("want 1 to 16 characters")
	case strings.Map(printable, value) != value || strings.Contains(value, `\`):
		return errors.New("want characters of the default repertoire")
	}
	return nil
}
