// Package intake takes in a data set that arrives: one pass over its bytes checks
// them, writes them to a draft and sums them up. It decides nothing.
package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"

	"dicomnode/internal/archive/store"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

var scanBuffers = sync.Pool{New: func() any { b := make([]byte, part10.ScanBuffer); return &b }}

// Scan writes the data set that r delivers to a draft and checks it on the way. sum
// is the SHA-256 of what came, in hexadecimal digits. A *SenderError is the error
// of r.
func Scan(r io.Reader, to store.Draft, transferSyntaxUID string) (head part10.Header, sum string, err error) {
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	t := &tee{src: r, to: to, alone: transferSyntaxUID == uid.DeflatedExplicitVRLittleEndian}
	head, err = part10.ScanIn(*buf, t, transferSyntaxUID)
	to.Hasten()       // while the sum of the last piece is computed
	sum = t.sum.hex() // waits, so that nobody reads buf any more
	if t.err != nil {
		err = &SenderError{t.err}
	}
	return head, sum, err
}

// A SenderError says that whoever delivers a data set failed, not the data set.
type SenderError struct{ err error }

func (e *SenderError) Error() string { return e.err.Error() }
func (e *SenderError) Unwrap() error { return e.err }

// tee reads src and writes what it read to the draft and into a sum, in pieces as
// large as its caller's buffer. The sum is computed while the piece is written and
// the next one awaited, unless it is alone: then the caller does not leave the piece
// as it is.
type tee struct {
	src   io.Reader
	to    store.Draft
	sum   sum
	alone bool
	err   error // of src, other than io.EOF
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := readFull(t.src, p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	t.sum.add(p[:n])
	if t.alone {
		t.sum.wait()
	}
	if _, werr := t.to.Write(p[:n]); werr != nil {
		return 0, werr
	}
	return n, err
}

// sum is a SHA-256 that is computed beside its user.
type sum struct {
	hash hash.Hash
	done chan struct{} // closed when hash has all pieces
}

// add takes the next piece when it is through with the one before.
func (s *sum) add(p []byte) {
	if s.wait(); s.hash == nil {
		s.hash = sha256.New()
	}
	done := make(chan struct{})
	s.done = done
	go func() {
		s.hash.Write(p)
		close(done)
	}()
}

func (s *sum) wait() {
	if s.done != nil {
		<-s.done
	}
}

// hex waits and returns the digits.
func (s *sum) hex() string {
	if s.wait(); s.hash == nil {
		s.hash = sha256.New()
	}
	return hex.EncodeToString(s.hash.Sum(nil))
}

// maxIdleReads is how often a reader may return nothing and no error.
const maxIdleReads = 100

// readFull fills p, and unlike io.ReadFull gives the reader's own error, so
// that a stream that ended can be told from one that broke.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p) && err == nil; idle++ {
		var m int
		if m, err = r.Read(p[n:]); m > 0 {
			n, idle = n+m, 0
		}
		if idle == maxIdleReads {
			err = io.ErrNoProgress
		}
	}
	return n, err
}
