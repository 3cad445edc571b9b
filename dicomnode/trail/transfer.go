package trail

import (
	"bytes"
	"io"

	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// Begins notes an object that is about to be sent.
func (t *Trail) Begins(how audit.Transfer, o archive.Object) {
	if t != nil {
		t.note(t.messages.Begins(how, instance(o)))
	}
}

// Transferred notes an object that went from one application entity to another, or was
// sent and did not arrive.
func (t *Trail) Transferred(how audit.Transfer, o archive.Object) {
	if t != nil {
		t.note(t.messages.Transferred(how, instance(o)))
	}
}

// headBytes is how much of a data set is kept to name its patient and study.
const headBytes = 64 << 10

// Arrival is a data set on its way in, of which the beginning is kept: a refused one is
// stored nowhere, and its patient is named all the same.
type Arrival struct {
	trail *Trail
	req   scp.StoreRequest
	src   io.Reader
	head  []byte
}

// Arrives watches the data set r, which is read from what it returns: from r itself where
// nothing is noted.
func (t *Trail) Arrives(req scp.StoreRequest, r io.Reader) (*Arrival, io.Reader) {
	if t == nil {
		return nil, r
	}
	a := &Arrival{trail: t, req: req, src: r}
	return a, a
}

// Read reads the data set.
func (a *Arrival) Read(p []byte) (int, error) {
	n, err := a.src.Read(p)
	a.head = append(a.head, p[:min(n, headBytes-len(a.head))]...)
	return n, err
}

// Refused notes that the data set was not stored.
func (a *Arrival) Refused(how audit.Transfer) {
	if a == nil {
		return
	}
	i := audit.Instance{SOPClassUID: valid(a.req.SOPClassUID), SOPInstanceUID: valid(a.req.SOPInstanceUID)}
	i.StudyInstanceUID, i.PatientID, i.PatientName = audit.ReadIdentity(bytes.NewReader(a.head), a.req.TransferSyntaxUID)
	a.trail.note(a.trail.messages.Transferred(how, i))
}

// valid is s if it is a UID: the schema of a message allows nothing else (PS3.15 A.5.1.1).
func valid(s string) string {
	if uid.Valid(s) {
		return s
	}
	return ""
}

// Unwanted notes a data set that was refused for its command. It reads the beginning of r,
// which may be nil, to name the patient.
func (t *Trail) Unwanted(how audit.Transfer, req scp.StoreRequest, r io.Reader) {
	if t == nil {
		return
	}
	arrival := &Arrival{trail: t, req: req}
	if r != nil {
		arrival.head, _ = io.ReadAll(io.LimitReader(r, headBytes)) // cut anywhere; the association reports why
	}
	arrival.Refused(how)
}
