package commitment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Tags of both data sets, and of the structure around them (PS3.5 7.5).
const (
	tagReferencedSOPClassUID    = 0x00081150
	tagReferencedSOPInstanceUID = 0x00081155
	tagTransactionUID           = 0x00081195
	tagFailureReason            = 0x00081197
	tagFailedSOPSequence        = 0x00081198
	tagReferencedSOPSequence    = 0x00081199
	tagItem                     = 0xFFFEE000
	tagItemDelimitation         = 0xFFFEE00D
	tagSequenceDelimitation     = 0xFFFEE0DD

	undefined = 0xFFFFFFFF
)

// errCut says that the data set ends early: the walker has found it whole.
var errCut = errors.New("data set ends inside an element")

// read reads both kinds of data set: one has no failures.
func read(r io.Reader, transferSyntaxUID string) (Result, error) {
	var plain bytes.Buffer
	limited := &io.LimitedReader{R: r, N: maxSize + 1}
	// Written anew: Implicit VR Little Endian, every sequence and item delimited.
	if err := part10.Rewrite(&plain, limited, transferSyntaxUID, uid.ImplicitVRLittleEndian); err != nil {
		return Result{}, err
	}
	if limited.N == 0 {
		return Result{}, fmt.Errorf("more than %d bytes", maxSize)
	}
	var p reading
	for b := plain.Bytes(); len(b) > 0; {
		if len(b) < 8 {
			return Result{}, errCut
		}
		t := uint32(binary.LittleEndian.Uint16(b))<<16 | uint32(binary.LittleEndian.Uint16(b[2:]))
		n := binary.LittleEndian.Uint32(b[4:])
		if b = b[8:]; n == undefined || t>>16 == tagItem>>16 {
			p.structure(t)
			continue
		}
		if uint64(n) > uint64(len(b)) {
			return Result{}, errCut
		}
		p.value(t, b[:n])
		b = b[n:]
	}
	return p.result, p.result.check()
}

// reading is where in the data set the reader is.
type reading struct {
	result Result
	depth  int    // sequences and items open
	since  uint32 // the outermost open sequence
	item   Failure
}

// structure goes into sequences and items, and out of them.
func (p *reading) structure(t uint32) {
	switch t {
	case tagItemDelimitation, tagSequenceDelimitation:
		if p.depth--; p.depth == 1 {
			p.close()
		}
		return
	case tagItem:
		if p.depth == 1 {
			p.item = Failure{}
		}
	default:
		if p.depth == 0 {
			p.since = t
		}
	}
	p.depth++
}

// close keeps the item that has ended.
func (p *reading) close() {
	switch p.since {
	case tagReferencedSOPSequence:
		p.result.Committed = append(p.result.Committed, p.item.Reference)
	case tagFailedSOPSequence:
		p.result.Failed = append(p.result.Failed, p.item)
	}
}

// value takes a value of the data set or of an item of one of its sequences.
func (p *reading) value(t uint32, v []byte) {
	text := strings.TrimRight(string(v), "\x00 ")
	switch {
	case p.depth == 0 && t == tagTransactionUID:
		p.result.TransactionUID = text
	case p.depth != 2:
	case t == tagReferencedSOPClassUID:
		p.item.SOPClassUID = text
	case t == tagReferencedSOPInstanceUID:
		p.item.SOPInstanceUID = text
	case t == tagFailureReason && len(v) == 2:
		p.item.Reason = binary.LittleEndian.Uint16(v)
	}
}

// check demands UIDs where there must be some.
func (r Result) check() error {
	if err := uid.Check(r.TransactionUID); err != nil {
		return fmt.Errorf("(0008,1195) Transaction UID: %w", err)
	}
	for _, ref := range r.Committed {
		if err := ref.check(); err != nil {
			return fmt.Errorf("(0008,1199) Referenced SOP Sequence: %w", err)
		}
	}
	for _, f := range r.Failed {
		if err := f.check(); err != nil {
			return fmt.Errorf("(0008,1198) Failed SOP Sequence: %w", err)
		}
	}
	return nil
}

func (r Reference) check() error {
	return errors.Join(uid.Check(r.SOPClassUID), uid.Check(r.SOPInstanceUID))
}
