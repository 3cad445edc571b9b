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

// Scan writes the data set that r delivers to a draft and checks it on the way. digits
// is the SHA-256 of what came, in hexadecimal digits. A *SenderError is the error
// of r. meanwhile is done while the sum is computed, unless there is an error.
func Scan(r io.Reader, to store.Draft, transferSyntaxUID string, meanwhile func()) (head part10.Header, digits string, err error) {
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	sum := newSum()
	defer sum.end()
	t := &tee{src: r, to: to, sum: sum, alone: transferSyntaxUID == uid.DeflatedExplicitVRLittleEndian}
	head, err = part10.ScanIn(*buf, t, transferSyntaxUID)
	to.Hasten()
	if err == nil {
		meanwhile()
	}
	digits = sum.hex() // waits, so that nobody reads buf any more
	if t.err != nil {
		err = &SenderError{t.err}
	}
	return head, digits, err
}

// A SenderError says that whoever delivers a data set failed, not the data set.
type SenderError struct{ err error }

func (e *SenderError) Error() string { return e.err.Error() }
func (e *SenderError) Unwrap() error { return e.err }

// sumPiece is how many bytes are summed up at once, at least, unless the reader waits:
// few enough that the sum is nearly there when the last byte is.
const sumPiece = 64 << 10

// tee reads src and writes what it read to the draft, in pieces as large as its
// caller's buffer, and into a sum, in smaller ones. The sum of a piece is computed while
// it is written and the next ones are awaited, unless it is alone: then the caller does
// not leave the bytes as they are.
type tee struct {
	src   io.Reader
	to    store.Draft
	sum   *sum
	alone bool
	err   error // of src, other than io.EOF
}

func (t *tee) Read(p []byte) (int, error) {
	before := t.sum.mark()
	n, err := t.fill(p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	if t.alone {
		before = t.sum.mark()
	}
	if _, werr := t.to.Write(p[:n]); werr != nil {
		n, err = 0, werr
	}
	before.Wait() // the caller writes over what the last Read delivered
	return n, err
}

// maxIdleReads is how often a reader may return nothing and no error.
const maxIdleReads = 100

// fill fills p and, unlike io.ReadFull, gives the reader's own error, so that a stream
// that ended can be told from one that broke.
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
			t.sum.add(p[summed:n])
			summed = n
		}
	}
	t.sum.add(p[summed:n])
	return n, err
}

// sum is a SHA-256 that is computed beside its user.
type sum struct {
	hash   hash.Hash
	pieces chan piece
	ended  chan struct{}
	latest *sync.WaitGroup // of the pieces since the last mark
}

type piece struct {
	b  []byte
	of *sync.WaitGroup
}

func newSum() *sum {
	s := &sum{hash: sha256.New(), pieces: make(chan piece, 2*part10.ScanBuffer/sumPiece), ended: make(chan struct{}), latest: &sync.WaitGroup{}}
	go func(pieces <-chan piece) {
		defer close(s.ended)
		for p := range pieces {
			s.hash.Write(p.b)
			p.of.Done()
		}
	}(s.pieces)
	return s
}

// add sums up b, which stays as it is until it has been.
func (s *sum) add(b []byte) {
	if len(b) > 0 {
		s.latest.Add(1)
		s.pieces <- piece{b, s.latest}
	}
}

// mark is what to wait for until all that was added is summed up.
func (s *sum) mark() *sync.WaitGroup {
	m := s.latest
	s.latest = &sync.WaitGroup{}
	return m
}

// end waits for all; nothing may be added then.
func (s *sum) end() {
	if s.pieces != nil {
		close(s.pieces)
		s.pieces = nil
	}
	<-s.ended
}

// hex ends and returns the digits.
func (s *sum) hex() string {
	s.end()
	return hex.EncodeToString(s.hash.Sum(nil))
}
