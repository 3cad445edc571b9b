package part10

import (
	"errors"
	"io"
	"sync"
)

// scanBuffer is the size in bytes of the buffer of Scan. It is large, so that a reader that
// copies to a file writes in large pieces.
const scanBuffer = 512 << 10

var scanBuffers = sync.Pool{New: func() any { b := make([]byte, scanBuffer); return &b }}

// window is a buffered stream with lookahead.
type window struct {
	src    io.Reader
	buf    []byte
	lo, hi int   // unread part of buf
	start  int64 // offset in the stream of buf[0]
	err    error // the error that ended src
}

// inMemory returns a window on all of data; peek returns slices of it.
func inMemory(data []byte) *window {
	return &window{buf: data, hi: len(data), err: io.EOF}
}

// whole reports whether the window contains the whole rest of the stream.
func (w *window) whole() bool { return w.src == nil }

// look returns the next n bytes without consuming them, fewer at the end of the stream or if
// the buffer is smaller.
func (w *window) look(n int64) []byte {
	for int64(w.hi-w.lo) < n && w.err == nil && w.hi-w.lo < len(w.buf) {
		w.fill()
	}
	return w.buf[w.lo:min(int64(w.hi), int64(w.lo)+n)]
}

// offset returns the offset in the stream of the next unread byte.
func (w *window) offset() int64 { return w.start + int64(w.lo) }

// peek returns the next n bytes (n ≤ len(buf)) without consuming them. At the end of the stream
// it returns io.EOF if no byte is left, and io.ErrUnexpectedEOF if fewer than n are left.
func (w *window) peek(n int) ([]byte, error) {
	for w.hi-w.lo < n {
		if w.err == nil {
			w.fill()
			continue
		}
		if errors.Is(w.err, io.EOF) && w.hi > w.lo {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, w.err
	}
	return w.buf[w.lo : w.lo+n], nil
}

// fill moves the unread bytes to the start of the buffer and reads more after them.
func (w *window) fill() {
	w.start += int64(w.lo)
	w.hi = copy(w.buf, w.buf[w.lo:w.hi])
	w.lo = 0
	for range 100 {
		n, err := w.src.Read(w.buf[w.hi:])
		w.hi += n
		if w.err = err; n > 0 || err != nil {
			return
		}
	}
	w.err = io.ErrNoProgress
}

// skip consumes n bytes; it returns io.ErrUnexpectedEOF if the stream is shorter.
func (w *window) skip(n int64) error {
	for {
		have := int64(w.hi - w.lo)
		if n <= have {
			w.lo += int(n)
			return nil
		}
		n -= have
		w.lo = w.hi
		if w.err == nil {
			w.fill()
			continue
		}
		if errors.Is(w.err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return w.err
	}
}
