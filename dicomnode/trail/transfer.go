package trail

import (
	"bytes"
	"io"

	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/scp"
)

// Begins notes an object that is about to be sent.
func (t *Trail) Begins(from, to audit.AE, o archive.Object) {
	if t != nil {
		t.note(t.messages.Begins(from, to, instance(o)))
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
	i := audit.Instance{SOPClassUID: a.req.SOPClassUID, SOPInstanceUID: a.req.SOPInstanceUID}
	i.StudyInstanceUID, i.PatientID, i.PatientName = audit.ReadIdentity(bytes.NewReader(a.head), a.req.TransferSyntaxUID)
	a.trail.note(a.trail.messages.Transferred(how, i))
}
