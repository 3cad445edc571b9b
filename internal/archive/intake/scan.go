// Package intake reads an arriving data set in one pass: it checks the data set, writes it to a
// draft and computes its SHA-256.
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

// Scan writes the data set that r delivers to a draft and checks it on the way. digits is the
// SHA-256 of the data set in hexadecimal. An error of r is returned as a *SenderError. If there
// is no error, meanwhile is called while the rest of the SHA-256 is computed.
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
	digits = sum.hex() // waits until buf is no longer read
	if t.err != nil {
		err = &SenderError{t.err}
	}
	return head, digits, err
}

// SenderError is an error of the sender, not of the data set.
type SenderError struct{ err error }

func (e *SenderError) Error() string { return e.err.Error() }
func (e *SenderError) Unwrap() error { return e.err }

// sumPiece is the least number of bytes that are hashed at a time, unless the reader waits for
// data. It is small, so that hashing is almost complete when the last byte arrives.
const sumPiece = 64 << 10

// tee reads src, writes the bytes to the draft in pieces as large as the caller's buffer, and
// hashes them in smaller pieces. Hashing runs in parallel with writing and with the next reads,
// unless alone is set, because then the caller modifies the buffer.
type tee struct {
	src   io.Reader
	to    store.Draft
	sum   *sum
	alone bool
	err   error // error of src, other than io.EOF
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
	before.Wait() // the caller overwrites the bytes of the previous Read
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
			t.sum.add(p[summed:n])
			summed = n
		}
	}
	t.sum.add(p[summed:n])
	return n, err
}

// sum computes a SHA-256 in a goroutine of its own.
type sum struct {
	hash   hash.Hash
	pieces chan piece
	ended  chan struct{}
	latest *sync.WaitGroup // counts the pieces since the last mark
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

// add hashes b, which must not change until the piece has been hashed.
func (s *sum) add(b []byte) {
	if len(b) > 0 {
		s.latest.Add(1)
		s.pieces <- piece{b, s.latest}
	}
}

// mark returns a group to wait on until everything added before has been hashed.
func (s *sum) mark() *sync.WaitGroup {
	m := s.latest
	s.latest = &sync.WaitGroup{}
	return m
}

// end waits until everything has been hashed; add must not be called afterwards.
func (s *sum) end() {
	if s.pieces != nil {
		close(s.pieces)
		s.pieces = nil
	}
	<-s.ended
}

// hex calls end and returns the SHA-256 in hexadecimal.
func (s *sum) hex() string {
	s.end()
	return hex.EncodeToString(s.hash.Sum(nil))
}
