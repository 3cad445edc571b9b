package ul

import (
	"net"
	"sync"
	"time"
)

// Sizes of read buffers in bytes: small for commands, large for data sets.
const (
	smallBuffer = 2 << 10
	largeBuffer = 64 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// reader buffers a connection and sets a deadline before each read. Its buffers come from pools
// and are returned by close.
type reader struct {
	nc       net.Conn
	most     int // greatest number of bytes that one read of nc returns; 0 = any
	deadline func() time.Time
	small    *[smallBuffer]byte
	large    *[largeBuffer]byte
	buf      []byte // unread bytes, part of small or large
	long     bool   // PDUs are longer than the buffer, so their data is read without it

	got    int64         // bytes received of the current message
	waited time.Duration // time spent waiting for them
}

func (r *reader) space() []byte {
	if r.large != nil && r.long {
		return r.large[:smallBuffer]
	}
	if r.large != nil {
		return r.large[:]
	}
	if r.small == nil {
		r.small = smallBuffers.Get().(*[smallBuffer]byte)
	}
	return r.small[:]
}

// direct returns the least size of a caller's buffer that is read into directly: the size of
// the own buffer, or the most that one read returns.
func (r *reader) direct(space []byte) int {
	if r.most > 0 {
		return min(r.most, len(space))
	}
	return len(space)
}

// Read returns buffered bytes, or else reads once from the connection, directly into p if p is
// large enough.
func (r *reader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 && len(p) > 0 {
		space := r.space()
		if len(p) >= r.direct(space) {
			return r.receive(p)
		}
		n, err := r.receive(space)
		r.buf = space[:n]
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

func (r *reader) receive(p []byte) (int, error) {
	if err := r.nc.SetReadDeadline(r.deadline()); err != nil {
		return 0, err
	}
	began := time.Now()
	n, err := r.nc.Read(p)
	r.got += int64(n)
	r.waited += time.Since(began)
	return n, err
}

// grow gets a large buffer.
func (r *reader) grow() {
	if r.large == nil {
		large := largeBuffers.Get().(*[largeBuffer]byte)
		r.buf = large[:copy(large[:], r.buf)]
		r.large = large
	}
}

// shrink returns the large buffer unless its unread bytes do not fit in the small one.
func (r *reader) shrink() {
	if r.large == nil || len(r.buf) > smallBuffer {
		return
	}
	large := r.large
	r.large = nil
	r.buf = r.space()[:copy(r.space(), r.buf)]
	largeBuffers.Put(large)
}

func (r *reader) close() {
	r.buf = nil
	if r.large != nil {
		largeBuffers.Put(r.large)
	}
	if r.small != nil {
		smallBuffers.Put(r.small)
	}
	r.small, r.large = nil, nil
}
