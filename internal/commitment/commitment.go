// Package commitment owns the two data sets of the Storage Commitment Push Model:
// the action information of the request (PS3.4 Table J.3-1) and the event
// information of the result (Table J.3-2). It sends nothing and judges nothing: who
// asks, who keeps and what a Failure Reason leads to is for others.
package commitment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/google/uuid"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Reference names an instance (PS3.3 Table 10-11).
type Reference struct {
	SOPClassUID    string `json:"sop_class_uid"`    // (0008,1150)
	SOPInstanceUID string `json:"sop_instance_uid"` // (0008,1155)
}

// Failure is an instance that is not committed, and why.
type Failure struct {
	Reference
	Reason uint16 `json:"reason"` // (0008,1197) Failure Reason (PS3.3 C.14.1.1)
}

// Request asks for the commitment of instances.
type Request struct {
	TransactionUID string      // (0008,1195)
	References     []Reference // (0008,1199) Referenced SOP Sequence
}

// Result says which instances of a request are committed.
type Result struct {
	TransactionUID string      // (0008,1195)
	Committed      []Reference // (0008,1199) Referenced SOP Sequence
	Failed         []Failure   // (0008,1198) Failed SOP Sequence
}

// maxSize bounds a data set, in bytes: some 100,000 references.
const maxSize = 16 << 20

// NewTransactionUID makes a UID that nobody had before (PS3.5 B.2).
func NewTransactionUID() string {
	id := uuid.New()
	return "2.25." + new(big.Int).SetBytes(id[:]).String()
}

// Encode returns the action information in a transfer syntax that needs no codec.
func (r Request) Encode(transferSyntaxUID string) ([]byte, error) {
	b := text(nil, tagTransactionUID, r.TransactionUID)
	return encoded(references(b, r.References), transferSyntaxUID)
}

// Encode returns the event information in a transfer syntax that needs no codec. A
// sequence without items is left out (PS3.4 Table J.3-2).
func (r Result) Encode(transferSyntaxUID string) ([]byte, error) {
	b := text(nil, tagTransactionUID, r.TransactionUID)
	if len(r.Failed) > 0 {
		b = head(b, tagFailedSOPSequence, undefined)
		for _, f := range r.Failed {
			b = f.item(b, binary.LittleEndian.AppendUint16(head(nil, tagFailureReason, 2), f.Reason))
		}
		b = head(b, tagSequenceDelimitation, 0)
	}
	if len(r.Committed) > 0 {
		b = references(b, r.Committed)
	}
	return encoded(b, transferSyntaxUID)
}

// references writes a Referenced SOP Sequence (PS3.4 Tables J.3-1 and J.3-2).
func references(b []byte, all []Reference) []byte {
	b = head(b, tagReferencedSOPSequence, undefined)
	for _, r := range all {
		b = r.item(b, nil)
	}
	return head(b, tagSequenceDelimitation, 0)
}

// item writes an item with what else it has.
func (r Reference) item(b, more []byte) []byte {
	b = head(b, tagItem, undefined)
	b = text(b, tagReferencedSOPClassUID, r.SOPClassUID)
	b = text(b, tagReferencedSOPInstanceUID, r.SOPInstanceUID)
	return head(append(b, more...), tagItemDelimitation, 0)
}

// head writes tag and length in Implicit VR Little Endian (PS3.5 7.1.3).
func head(b []byte, tag, length uint32) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(tag>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	return binary.LittleEndian.AppendUint32(b, length)
}

// text writes a UID, of even length (PS3.5 9.1).
func text(b []byte, tag uint32, uid string) []byte {
	if len(uid)%2 == 1 {
		uid += "\x00"
	}
	return append(head(b, tag, uint32(len(uid))), uid...)
}

// encoded writes what is in Implicit VR Little Endian in another transfer syntax.
func encoded(b []byte, transferSyntaxUID string) ([]byte, error) {
	if transferSyntaxUID == uid.ImplicitVRLittleEndian {
		return b, nil
	}
	var out bytes.Buffer
	err := part10.Rewrite(&out, bytes.NewReader(b), uid.ImplicitVRLittleEndian, transferSyntaxUID)
	return out.Bytes(), err
}

// ReadRequest reads action information. A request without instances, or with what is
// no UID, is an error; none quotes a value.
func ReadRequest(r io.Reader, transferSyntaxUID string) (Request, error) {
	d, err := read(r, transferSyntaxUID)
	switch {
	case err != nil:
		return Request{}, fmt.Errorf("read storage commitment request: %w", err)
	case len(d.Committed) == 0:
		return Request{}, errors.New("read storage commitment request: no instance is referenced")
	}
	return Request{d.TransactionUID, d.Committed}, nil
}

// ReadResult reads event information, as ReadRequest does.
func ReadResult(r io.Reader, transferSyntaxUID string) (Result, error) {
	d, err := read(r, transferSyntaxUID)
	if err != nil {
		return Result{}, fmt.Errorf("read storage commitment result: %w", err)
	}
	return d, nil
}
