package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/intake"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/note"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/archive/sum"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Receive stores the data set that r delivers: without file meta information (PS3.4 B.2.3), in
// in.TransferSyntaxUID. It returns nil only when the file is on disk and the index has the row
// and the job. If the instance is already stored, in any encoding, Receive returns the stored
// object and no second result is made. If patient, study or references were corrected, the
// instance is stored as a new version. See docs/decisions/0017-the-same-instance-again.md.
// After an error nothing of the data set stays stored.
//
// The errors are ErrNoSpace, ErrUnreadable, ErrMismatch, ErrDuplicate, an *IdentityError, the
// error of r, or that of the disk. r may have been read only in part.
func (a *Archive) Receive(ctx context.Context, in Incoming, r io.Reader) (Object, error) {
	if err := a.begin(); err != nil {
		return Object{}, err
	}
	defer a.end()
	defer a.activity.Begin()()
	if err := in.check(); err != nil {
		return Object{}, err
	}
	if err := a.checkSpace(); err != nil {
		return Object{}, err
	}
	d, err := a.store.Create()
	if err != nil {
		return Object{}, fmt.Errorf("create file: %w", spaceError(err))
	}
	defer d.Discard()
	arrival := &arrival{Incoming: in, draft: d, row: in.row()}
	if err := a.fill(arrival, r); err != nil {
		return Object{}, err
	}
	defer a.deciding.lock(in.SOPInstanceUID)() // held until the commit
	if err := a.lookUp(ctx, arrival); err != nil {
		return Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}
	row, err := a.decide(ctx, arrival)
	o := a.object(row)
	o.Forgiven = arrival.forgiven
	return o, err
}

// check returns an error if the UIDs are invalid or the purpose is unknown.
func (in Incoming) check() error {
	for _, s := range []string{in.SOPClassUID, in.SOPInstanceUID, in.TransferSyntaxUID} {
		if !uid.Valid(s) {
			return fmt.Errorf("%w: the command has an invalid UID", ErrUnreadable)
		}
	}
	switch in.Purpose {
	case Segment, Dark, Keep:
		return nil
	}
	return fmt.Errorf("receive for unknown purpose %q", in.Purpose)
}

func (in Incoming) row() index.Object {
	return index.Object{
		SOPClassUID: in.SOPClassUID, SOPInstanceUID: in.SOPInstanceUID, Version: 1, TransferSyntaxUID: in.TransferSyntaxUID,
		CallingAE: in.CallingAE, CalledAE: in.CalledAE, Source: in.Source, Route: in.Route, Purpose: in.Purpose,
		Received: time.Now(),
	}
}

func (a *Archive) checkSpace() error {
	if a.opt.MinFree < 0 {
		return nil
	}
	free, err := a.free()
	if err == nil && free < a.opt.MinFree {
		err = fmt.Errorf("%w: %d MiB free, want %d", ErrNoSpace, free>>20, a.opt.MinFree>>20)
	}
	return err
}

// arrival is an object that was received and is not stored yet.
type arrival struct {
	Incoming
	draft  store.Draft
	row    index.Object // its SHA256 is empty until sha256 is called
	note   note.Note
	sealAt int64 // offset in the file at which the note is sealed

	before before // what the index contains of the instance

	forgiven part10.Forgiven
}

// sha256 returns the SHA-256 of the data set that arrived, in hexadecimal. The first call reads
// the draft.
func (in *arrival) sha256() (string, error) {
	if in.row.SHA256 == "" {
		sums := sum.New()
		if _, err := io.Copy(sums, in.dataset()); err != nil {
			return "", fmt.Errorf("read what arrived: %w", err)
		}
		in.row.SHA256 = sums.SHA256()
	}
	return in.row.SHA256, nil
}

// dataset returns a reader of the data set that arrived.
func (in *arrival) dataset() *io.SectionReader {
	return io.NewSectionReader(in.draft, in.row.DatasetOffset, in.row.Size-in.row.DatasetOffset)
}

// writeMeta writes preamble and file meta information of o, with its note. It returns the
// offset at which the note is sealed.
func (a *Archive) writeMeta(w io.Writer, o index.Object, n note.Note) (sealAt int64, err error) {
	return n.WriteMeta(w, o, note.Program{ImplementationClassUID: a.opt.ImplementationClassUID, ImplementationVersionName: a.opt.ImplementationVersionName})
}

// fill writes the file and completes the row from the data set.
func (a *Archive) fill(in *arrival, r io.Reader) (err error) {
	o, d := &in.row, in.draft
	in.note = note.Of(*o)
	if in.sealAt, err = a.writeMeta(d, *o, in.note); err != nil {
		return fmt.Errorf("write file meta information: %w", spaceError(err))
	}
	o.DatasetOffset = d.Size()
	head, crc, err := intake.Scan(r, d, o.TransferSyntaxUID)
	switch {
	case d.Err() != nil:
		return fmt.Errorf("write object: %w", spaceError(d.Err()))
	case errors.As(err, new(*intake.SenderError)):
		return fmt.Errorf("read data set: %w", err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if err := in.identify(head); err != nil {
		return err
	}
	switch {
	case head.SOPClassUID != o.SOPClassUID:
		return fmt.Errorf("%w: SOP Class UID differs", ErrMismatch)
	case head.SOPInstanceUID != o.SOPInstanceUID:
		return fmt.Errorf("%w: SOP Instance UID differs", ErrMismatch)
	}
	describe(o, head)
	in.forgiven = head.Forgiven
	o.Size, o.CRC32C = d.Size(), crc.String()
	return nil
}

// IdentityError says that a UID of the data set is absent or invalid. It is a kind of
// ErrMismatch (A900).
type IdentityError struct {
	Attribute part10.Tag
	Problem   string // "absent" or "not a UID"
}

func (e *IdentityError) Error() string { return fmt.Sprintf("%v: %s", e.Attribute, e.Problem) }

// Unwrap returns ErrMismatch.
func (e *IdentityError) Unwrap() error { return ErrMismatch }

// identify returns an *IdentityError if a required UID is absent or invalid: SOP Class and SOP
// Instance UID, and of an image to be segmented also Study and Series Instance UID.
func (in Incoming) identify(h part10.Header) error {
	for _, f := range []struct {
		attribute part10.Tag
		value     string
		always    bool
	}{
		{0x00080016, h.SOPClassUID, true},
		{0x00080018, h.SOPInstanceUID, true},
		{0x0020000D, h.StudyInstanceUID, false},
		{0x0020000E, h.SeriesInstanceUID, false},
	} {
		switch {
		case !f.always && in.Purpose != Segment:
		case f.value == "":
			return &IdentityError{f.attribute, "absent"}
		case !uid.Valid(f.value):
			return &IdentityError{f.attribute, "not a UID"}
		}
	}
	return nil
}

// describe copies the attributes that the index shows from a data set's header.
func describe(o *index.Object, h part10.Header) {
	o.StudyInstanceUID, o.SeriesInstanceUID = h.StudyInstanceUID, h.SeriesInstanceUID
	o.AccessionNumber, o.Modality, o.BodyPartExamined = h.AccessionNumber, h.Modality, h.BodyPartExamined
}

// keepNew commits an arrival as a new version and calls more in the same transaction. plain
// says that more only adds the jobs of a first version, which Open would also add if it found
// the file alone.
func (a *Archive) keepNew(in *arrival, version int, plain bool, more func(index.Tx, *index.Object) ([]jobs.Job, error)) (o index.Object, err error) {
	o = in.row
	o.Version = version
	if o.Name, err = a.keepFile(in, o); err != nil {
		return o, err
	}
	err = a.commitFile(&commit{name: o.Name, sync: in.draft.Sync, plain: plain}, func(tx index.Tx) (_ []jobs.Job, err error) {
		if o.ID, err = tx.Add(o); err != nil {
			return nil, err
		}
		return more(tx, &o)
	})
	if err != nil {
		a.forget(o.Name)
		err = fmt.Errorf("commit object: %w", err)
	}
	return o, err
}

// keepFile gives the file of an arrival its name, with the note of o. From then on bytes and
// name are written to disk while the commit is prepared.
func (a *Archive) keepFile(in *arrival, o index.Object) (name string, err error) {
	if _, err = in.draft.WriteAt(in.note.Seal(o), in.sealAt); err == nil {
		name, err = in.draft.Keep()
	}
	if err != nil {
		return "", fmt.Errorf("keep file: %w", spaceError(err))
	}
	in.draft.Begin()
	return name, nil
}

// jobsFor returns the jobs that a received object needs.
func jobsFor(o index.Object, p jobs.Priority) []jobs.Job {
	kinds := map[Purpose]jobs.Kind{Segment: jobs.Segment, Dark: jobs.Dark}
	kind, ok := kinds[o.Purpose]
	if !ok {
		return nil
	}
	return []jobs.Job{{Kind: kind, ObjectID: o.ID, Priority: p}}
}

// keyedMutex is a set of mutexes, one for each key.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

// lock locks the mutex of a key and returns the function that unlocks it.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
}
