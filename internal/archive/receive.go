package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Receive stores the data set r delivers (PS3.4 B.2.3: without file meta
// information, in in.TransferSyntaxUID) and returns nil only when file, row and
// job are on disk. An object that is already stored, in the same bytes or in
// another lossless encoding, is a success without a second job; the stored one
// is returned. After an error nothing is left of it.
//
// The errors are ErrNoSpace, ErrUnreadable, ErrMismatch, ErrDuplicate, the
// error of r, or that of the disk. r may have been read only in part.
func (a *Archive) Receive(ctx context.Context, in Incoming, r io.Reader) (Object, error) {
	if err := a.begin(); err != nil {
		return Object{}, err
	}
	defer a.end()
	if err := in.check(); err != nil {
		return Object{}, err
	}
	stored, err := a.Find(ctx, in.SOPInstanceUID)
	if err == nil {
		return repeated(stored, in, r)
	}
	if !errors.Is(err, ErrNotFound) {
		return Object{}, fmt.Errorf("look up object: %w", err)
	}
	if err := a.checkSpace(); err != nil {
		return Object{}, err
	}
	return a.store(ctx, in, r)
}

// check refuses what cannot be a key or a file's meta information.
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

func (a *Archive) checkSpace() error {
	if a.opt.MinFree < 0 {
		return nil
	}
	free, err := a.free(a.opt.Dir)
	if err == nil && free < a.opt.MinFree {
		err = fmt.Errorf("%w: %d MiB free, want %d", ErrNoSpace, free>>20, a.opt.MinFree>>20)
	}
	return err
}

// store writes a new object's file and commits it.
func (a *Archive) store(ctx context.Context, in Incoming, r io.Reader) (Object, error) {
	d, err := a.newDraft()
	if err != nil {
		return Object{}, fmt.Errorf("create file: %w", err)
	}
	o := Object{
		SOPClassUID: in.SOPClassUID, SOPInstanceUID: in.SOPInstanceUID, TransferSyntaxUID: in.TransferSyntaxUID,
		CallingAE: in.CallingAE, CalledAE: in.CalledAE, Source: in.Source, Route: in.Route, Purpose: in.Purpose,
		Received: time.Now(),
	}
	if err := a.fill(&o, d, r); err != nil {
		d.discard()
		return Object{}, err
	}
	if err := ctx.Err(); err != nil {
		d.discard()
		return Object{}, err
	}
	o.path = filepath.Join(a.opt.Dir, objectPath(o.SOPInstanceUID))
	if err := d.keep(o.path); err != nil {
		d.discard()
		return Object{}, fmt.Errorf("keep file: %w", err)
	}
	return a.settle(ctx, in, o)
}

// fill writes the file of o and learns from the data set what o lacks.
func (a *Archive) fill(o *Object, d *draft, r io.Reader) error {
	meta := a.meta(o.SOPClassUID, o.SOPInstanceUID, o.TransferSyntaxUID, o.CallingAE, o.CalledAE)
	if err := part10.WriteMeta(d, meta); err != nil {
		return fmt.Errorf("write file meta information: %w", err)
	}
	o.DatasetOffset = d.size
	t := &tee{src: r, to: d}
	head, err := part10.Scan(t, o.TransferSyntaxUID)
	switch {
	case d.err != nil:
		return fmt.Errorf("write object: %w", d.err)
	case t.err != nil:
		return fmt.Errorf("read data set: %w", t.err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	case head.SOPClassUID != o.SOPClassUID:
		return fmt.Errorf("%w: SOP Class UID differs", ErrMismatch)
	case head.SOPInstanceUID != o.SOPInstanceUID:
		return fmt.Errorf("%w: SOP Instance UID differs", ErrMismatch)
	}
	o.describe(head)
	o.Size = d.size
	return nil
}

// describe takes over what the index shows of a data set.
func (o *Object) describe(h part10.Header) {
	o.StudyInstanceUID, o.SeriesInstanceUID = h.StudyInstanceUID, h.SeriesInstanceUID
	o.Modality, o.BodyPartExamined = h.Modality, h.BodyPartExamined
}

// settle commits o, whose file has its final name. When another caller has
// committed the same SOP instance meanwhile, o's file goes and the two are
// compared.
func (a *Archive) settle(ctx context.Context, in Incoming, o Object) (Object, error) {
	o, added, err := a.commitObject(o)
	switch {
	case err != nil:
		a.forget(o)
		return Object{}, fmt.Errorf("commit object: %w", err)
	case added:
		return o, nil
	}
	defer a.forget(o)
	stored, err := a.Find(ctx, o.SOPInstanceUID)
	if err != nil {
		return Object{}, fmt.Errorf("look up object: %w", err)
	}
	f, err := o.OpenDataset()
	if err != nil {
		return Object{}, err
	}
	defer f.Close()
	return repeated(stored, in, f)
}

// repeated compares r with the stored object of the same SOP instance.
func repeated(stored Object, in Incoming, r io.Reader) (Object, error) {
	if stored.SOPClassUID != in.SOPClassUID {
		return Object{}, ErrDuplicate
	}
	if stored.TransferSyntaxUID != in.TransferSyntaxUID {
		return recoded(stored, in, r)
	}
	f, err := stored.OpenDataset()
	if err != nil {
		return Object{}, fmt.Errorf("open stored object: %w", err)
	}
	defer f.Close()
	same, err := sameBytes(f, r)
	if err != nil {
		return Object{}, fmt.Errorf("compare with stored object: %w", err)
	}
	if !same {
		return Object{}, ErrDuplicate
	}
	return stored, nil
}

// recoded answers for a stored instance that comes again in another transfer
// syntax. Its bytes cannot be compared, but every syntax received here is
// lossless, and only a lossy change asks for a new SOP Instance UID (PS3.3
// C.7.6.1.1.5): a sound data set of the same study and series is the instance
// that is stored.
func recoded(stored Object, in Incoming, r io.Reader) (Object, error) {
	head, err := part10.Scan(r, in.TransferSyntaxUID)
	switch {
	case err != nil:
		return Object{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case head.SOPClassUID != in.SOPClassUID || head.SOPInstanceUID != in.SOPInstanceUID:
		return Object{}, fmt.Errorf("%w: SOP class or instance UID differs", ErrMismatch)
	case head.StudyInstanceUID != stored.StudyInstanceUID || head.SeriesInstanceUID != stored.SeriesInstanceUID:
		return Object{}, ErrDuplicate
	}
	return stored, nil
}

// sameBytes tells whether both readers deliver the same bytes up to io.EOF.
func sameBytes(x, y io.Reader) (bool, error) {
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, xerr := io.ReadFull(x, p)
		m, yerr := readFull(y, q)
		switch {
		case xerr != nil && xerr != io.EOF && xerr != io.ErrUnexpectedEOF:
			return false, xerr
		case yerr != nil && yerr != io.EOF:
			return false, yerr
		case !bytes.Equal(p[:n], q[:m]):
			return false, nil
		case n < len(p):
			return true, nil
		}
	}
}
