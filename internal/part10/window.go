package part10

import (
	"errors"
	"io"
	"sync"
)

// ScanBuffer is how many bytes Scan works in. It asks its reader for half of them
// at once: large enough that a reader which copies to a file writes it in large
// pieces.
const ScanBuffer = 1 << 20

var scanBuffers = sync.Pool{New: func() any { b := make([]byte, ScanBuffer); return &b }}

// window is a stretch of a stream that can be looked at and passed over.
type window struct {
	src    io.Reader
	buf    []byte
	spare  []byte // as long as buf, and takes its turn; nil where buf is the only one
	lo, hi int    // unread part of buf
	start  int64  // offset in the stream of buf[0]
	err    error  // what src ended with
}

// inHalves is a window on a stream that uses one half of buf after the other.
func inHalves(src io.Reader, buf []byte) *window {
	half := len(buf) / 2
	return &window{src: src, buf: buf[:half:half], spare: buf[half : 2*half]}
}

// inMemory is a window on all of data; peek returns parts of it.
func inMemory(data []byte) *window {
	return &window{buf: data, hi: len(data), err: io.EOF}
}

// whole reports whether the window shows all that is left of the stream.
func (w *window) whole() bool { return w.src == nil }

// look returns the next n bytes, fewer when the stream ends or the buffer is
// shorter, without passing over them.
func (w *window) look(n int64) []byte {
	for int64(w.hi-w.lo) < n && w.err == nil && w.hi-w.lo < len(w.buf) {
		w.fill()
	}
	return w.buf[w.lo:min(int64(w.hi), int64(w.lo)+n)]
}

// offset is the place in the stream of the next unread byte.
func (w *window) offset() int64 { return w.start + int64(w.lo) }

// peek returns the next n bytes (n ≤ len(buf)) without passing over them. At
// the end of the stream the error is io.EOF when no byte is left,
// io.ErrUnexpectedEOF when fewer than n are.
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

// fill moves the unread part to the front of the buffer whose turn it is and reads
// behind it.
func (w *window) fill() {
	to := w.buf
	if w.spare != nil {
		to = w.spare
		w.spare = w.buf
	}
	w.start += int64(w.lo)
	w.hi = copy(to, w.buf[w.lo:w.hi])
	w.buf, w.lo = to, 0
	for range 100 {
		n, err := w.src.Read(w.buf[w.hi:])
		w.hi += n
		if w.err = err; n > 0 || err != nil {
			return
		}
	}
	w.err = io.ErrNoProgress
}

// skip passes over n bytes; io.ErrUnexpectedEOF says the stream had fewer.
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
