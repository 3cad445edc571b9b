package part10

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"dicomnode/internal/uid"
)

// ErrNotPart10 says that a stream has no DICM prefix (PS3.10 7.1).
var ErrNotPart10 = errors.New("dicom: not a Part 10 file: no DICM prefix")

const preamble = 128 // bytes before the DICM prefix

// ReadHeader reads the start of a Part 10 file up to the attributes of Header. It may read
// beyond them. It checks what follows Series Instance UID only if an identifying attribute is
// still missing then.
func ReadHeader(r io.Reader) (Header, error) {
	w := &window{src: r, buf: make([]byte, 2*maxLookahead)}
	if err := w.prefix(); err != nil {
		return Header{}, err
	}
	ts, err := readMeta(w)
	if err != nil {
		return Header{}, err
	}
	if !uid.Valid(ts) {
		return Header{}, errNoTransferSyntax
	}
	offset := w.offset()
	if ts == uid.DeflatedExplicitVRLittleEndian {
		w = w.inflated()
	}
	k := newWalker(w, encodingOf(ts))
	err = k.run(func(el element) bool {
		return el.tag > headerEnd && k.header.identified() || el.tag == tagPixelData
	})
	k.header.TransferSyntaxUID, k.header.DatasetOffset = ts, offset
	return k.header, err
}

var errNoTransferSyntax = errors.New("dicom: file meta information without a transfer syntax")

// prefix skips preamble and prefix.
func (w *window) prefix() error {
	b := w.look(preamble + 4)
	if len(b) < preamble+4 && w.err != nil && !errors.Is(w.err, io.EOF) {
		return w.err
	}
	if len(b) < preamble+4 || string(b[preamble:]) != "DICM" {
		return ErrNotPart10
	}
	return w.skip(preamble + 4)
}

// inflated returns a window on the inflated rest of w.
func (w *window) inflated() *window {
	rest := io.Reader(bytes.NewReader(w.buf[w.lo:w.hi]))
	if w.src != nil {
		rest = io.MultiReader(rest, w.src)
	}
	return &window{src: newInflater(rest), buf: make([]byte, 2*maxLookahead)}
}

// readMeta reads group 0002, always in explicit VR little endian (PS3.10 7.1), and returns
// Transfer Syntax UID, "" if it is missing. If some devices' data sets begin with further
// elements of group 0002, the first Transfer Syntax UID is used.
func readMeta(w *window) (ts string, err error) {
	top := level{end: maxOffset}
	k := walker{window: w}
	for {
		b := w.look(6)
		if len(b) < 2 && w.err != nil && !errors.Is(w.err, io.EOF) {
			return "", w.err
		}
		if len(b) < 2 || binary.LittleEndian.Uint16(b) != 2 || ts != "" && len(b) == 6 && !capitals(b[4:]) {
			return ts, nil
		}
		el, err := w.next(encoding{explicit: true}, maxOffset)
		if err != nil {
			return "", err
		}
		if el.tag == tagTransferSyntaxUID && ts == "" {
			if err := k.collect(&ts, el); err != nil {
				return "", err
			}
		}
		if err := k.pass(&top, el); err != nil {
			return "", err
		}
	}
}

// WriteMeta writes the part of a Part 10 file before the data set: a preamble of zeros, the
// prefix and group 0002 (PS3.10 7.1). The data set must be written after it. If a value is
// invalid, WriteMeta returns an error and writes nothing.
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

// elements encodes group 0002 after its group length.
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
	private, err := m.private()
	return append(b, private...), err
}

// pad returns the byte that pads a value to even length (PS3.5 6.2).
func pad(vr string) byte {
	if vr == "UI" {
		return 0
	}
	return ' '
}

// checkMeta returns an error if value is not a valid vr.
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
