package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/archive/sum"
	"dicomnode/internal/archive/unread"
	"dicomnode/internal/part10"
)

// Object is a stored object. Its ID is the archive's own and may be logged; its UIDs must not
// be.
type Object struct {
	index.Object
	// Forgiven lists defects of the data set that were accepted. Receive sets it; it is not
	// stored in the index.
	Forgiven part10.Forgiven

	store   store.Store
	learned *atomic.Pointer[string] // gets the SHA-256 that a reading of the file computes; nil if it is not wanted
}

// keepSum completes a row of o with the SHA-256 that a reading of o has computed, if the row
// has none and still has the same file.
func (o Object) keepSum(row *index.Object) {
	if s := o.learned.Load(); s != nil && row.SHA256 == "" && row.Name == o.Name {
		row.SHA256 = *s
	}
}

// Open opens the Part 10 file for reading.
func (o Object) Open() (*Reader, error) { return o.openAt(0) }

// OpenDataset opens the file at the data set, after the file meta information. This is what
// C-STORE sends.
func (o Object) OpenDataset() (*Reader, error) { return o.openAt(o.DatasetOffset) }

// openAt opens the file at offset. It returns ErrDamaged if the file is missing or has the
// wrong size.
func (o Object) openAt(offset int64) (*Reader, error) {
	f, err := o.store.Open(o.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	r := &Reader{f: f, o: o.Object, at: offset, sums: sum.New(), learned: o.learned}
	if f.Size() != o.Size || o.DatasetOffset > o.Size {
		err = fmt.Errorf("%w: %d bytes, want %d", ErrDamaged, f.Size(), o.Size)
	} else {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Reader reads a stored object once, from start to end. Before it returns the last bytes it
// verifies the checksums of the data set that the row has, CRC-32C and SHA-256: reading a
// damaged object ends with ErrDamaged and never with io.EOF.
type Reader struct {
	f       store.File
	o       index.Object
	at      int64 // offset in the file
	sums    *sum.Both
	got     string // the SHA-256, when all was read and is undamaged
	learned *atomic.Pointer[string]
}

// Size is the number of bytes of the whole file.
func (r *Reader) Size() int64 { return r.o.Size }

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

func (r *Reader) Read(p []byte) (int, error) {
	if r.at >= r.o.Size {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.o.Size-r.at)])
	if skip := min(max(r.o.DatasetOffset-r.at, 0), int64(n)); n > 0 {
		r.sums.Write(p[skip:n])
	}
	if r.at += int64(n); r.at == r.o.Size {
		if err := r.check(); err != nil {
			return 0, err
		}
	}
	if errors.Is(err, io.EOF) && r.at < r.o.Size {
		err = fmt.Errorf("%w: it ends early", ErrDamaged)
	}
	return n, err
}

// check compares the checksums of all bytes with those of the row.
func (r *Reader) check() error {
	crc, sha := r.sums.CRC32C(), r.sums.SHA256()
	if r.o.CRC32C != "" && crc != r.o.CRC32C || r.o.SHA256 != "" && sha != r.o.SHA256 {
		return fmt.Errorf("%w: its bytes have changed", ErrDamaged)
	}
	if r.got = sha; r.learned != nil {
		r.learned.Store(&sha)
	}
	return nil
}

// verify reads a stored object completely. It returns the SHA-256 of its data set.
func (a *Archive) verify(ctx context.Context, o index.Object) (sha256 string, err error) {
	return a.verifyWhile(o, ctx.Err)
}

// verifyWhile is verify until stop returns an error, which it returns.
func (a *Archive) verifyWhile(o index.Object, stop func() error) (sha256 string, err error) {
	r, err := a.object(o).Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, stopReader{stop, r})
	return r.got, err
}

// unread returns the objects as package unread handles them.
func (a *Archive) unread() unread.Objects {
	return unread.Objects{Index: a.index, Read: a.verifyWhile, Log: a.opt.Log, Activity: &a.activity, After: a.opt.IdleAfter}
}

// stopReader is a reader that fails when stop returns an error.
type stopReader struct {
	stop func() error
	r    io.Reader
}

func (s stopReader) Read(p []byte) (int, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

func (a *Archive) object(o index.Object) Object { return Object{Object: o, store: a.store} }

// view runs f in a read transaction of the index and returns its result.
func view[T any](ctx context.Context, a *Archive, f func(index.Tx) (T, error)) (v T, err error) {
	err = a.index.View(ctx, func(tx index.Tx) error {
		v, err = f(tx)
		return err
	})
	return v, err
}

// Object returns the object with the id, or ErrNotFound.
func (a *Archive) Object(ctx context.Context, id int64) (Object, error) {
	o, err := view(ctx, a, func(tx index.Tx) (index.Object, error) { return tx.Object(id) })
	return a.object(o), err
}

// Find returns the newest version of a SOP instance, or ErrNotFound.
func (a *Archive) Find(ctx context.Context, sopInstanceUID string) (Object, error) {
	o, err := view(ctx, a, func(tx index.Tx) (index.Object, error) { return tx.Newest(sopInstanceUID) })
	return a.object(o), err
}

// Versions lists the versions of a SOP instance, oldest first.
func (a *Archive) Versions(ctx context.Context, sopInstanceUID string) ([]Object, error) {
	return a.objects(view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Versions(sopInstanceUID) }))
}

// Search lists at most limit objects that q matches, the most recent first.
func (a *Archive) Search(ctx context.Context, q index.Query, limit int) ([]Object, error) {
	return a.objects(view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Search(q, limit) }))
}

// Results lists the results of an object.
func (a *Archive) Results(ctx context.Context, id int64) ([]Object, error) {
	return a.objects(view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Children(id) }))
}

// Deliveries lists the deliveries of an object with their states.
func (a *Archive) Deliveries(ctx context.Context, id int64) ([]index.Delivery, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Delivery, error) { return tx.DeliveriesOf(id) })
}

func (a *Archive) objects(rows []index.Object, err error) ([]Object, error) {
	all := make([]Object, len(rows))
	for i, o := range rows {
		all[i] = a.object(o)
	}
	return all, err
}
