// Package intake reads an arriving data set in one pass: it checks the data set, writes it to a
// draft and computes its CRC-32C.
package intake

import (
	"io"

	"dicomnode/internal/archive/store"
	"dicomnode/internal/archive/sum"
	"dicomnode/internal/part10"
)

// Scan writes the data set that r delivers to a draft and checks it on the way. It returns the
// CRC-32C of the data set. An error of r is returned as a *SenderError.
func Scan(r io.Reader, to store.Draft, transferSyntaxUID string) (head part10.Header, crc sum.CRC32C, err error) {
	t := &tee{src: r, to: to}
	head, err = part10.Scan(t, transferSyntaxUID)
	to.Hasten()
	if t.err != nil {
		err = &SenderError{t.err}
	}
	return head, t.crc, err
}

// SenderError is an error of the sender, not of the data set.
type SenderError struct{ err error }

func (e *SenderError) Error() string { return e.err.Error() }
func (e *SenderError) Unwrap() error { return e.err }

// sumPiece is the least number of bytes that are summed at a time, unless the reader waits for
// data: few enough that they are still in the processor's cache.
const sumPiece = 64 << 10

// tee reads src, sums the bytes in small pieces, and writes them to the draft in pieces as
// large as the caller's buffer.
type tee struct {
	src io.Reader
	to  store.Draft
	crc sum.CRC32C
	err error // error of src, other than io.EOF
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.fill(p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	if _, werr := t.to.Write(p[:n]); werr != nil {
		return 0, werr
	}
	return n, err
}

// maxIdleReads is how many consecutive times a reader may return no bytes and no error.
const maxIdleReads = 100

// fill fills p. Unlike io.ReadFull it returns the reader's own error, so that the end of a
// stream and a broken stream can be told apart.
func (t *tee) fill(p []byte) (n int, err error) {
	summed := 0
	for idle := 0; n < len(p) && err == nil; idle++ {
		var m int
		if m, err = t.src.Read(p[n:]); m > 0 {
			n, idle = n+m, 0
		}
		if idle == maxIdleReads {
			err = io.ErrNoProgress
		}
		if n-summed >= sumPiece {
			t.crc.Write(p[summed:n])
			summed = n
		}
	}
	t.crc.Write(p[summed:n])
	return n, err
}
