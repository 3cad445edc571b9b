package ul

import (
	"errors"
	"os"
	"sync"
	"time"
)

// aheadSize is how many bytes are read ahead of the caller.
const aheadSize = 256 << 10

var aheadBuffers = sync.Pool{New: func() any { return new([aheadSize]byte) }}

// ahead reads the connection of a reader in a goroutine, so that TLS records are decrypted while
// the caller checks, hashes and writes the bytes before them. While the goroutine runs, only it
// reads the connection, sets the read deadline and counts the bytes of the message.
type ahead struct {
	r    *reader
	done chan struct{} // closed when the goroutine has ended; nil if none was started

	mu       sync.Mutex
	changed  sync.Cond
	ring     *[aheadSize]byte
	from, n  int // unread bytes: n from ring[from], the end of the ring continued at its start
	stopping bool
	err      error // that ended the goroutine
	panicked any   // the same for a panic, which is repeated by the caller's goroutine
}

// readAhead starts to read ahead, if reading also decrypts. It lasts until settle.
func (r *reader) readAhead() {
	if r.most == 0 || r.ahead != nil && r.ahead.done != nil {
		return
	}
	if r.ahead == nil {
		r.ahead = &ahead{r: r, ring: aheadBuffers.Get().(*[aheadSize]byte)}
		r.ahead.changed.L = &r.ahead.mu
	}
	r.ahead.done = make(chan struct{})
	go r.ahead.run(r.ahead.done)
}

// settle ends reading ahead. Bytes that have arrived are kept for later reads.
func (r *reader) settle() {
	a := r.ahead
	if a == nil {
		return
	}
	if a.done != nil {
		a.mu.Lock()
		a.stopping = true
		_ = r.nc.SetReadDeadline(time.Unix(1, 0)) // if the connection is dead, reading has ended
		a.changed.Broadcast()
		a.mu.Unlock()
		<-a.done
		a.done, a.stopping, a.err, a.panicked = nil, false, nil, nil // a lasting error is returned by the next read, too
	}
	if a.n == 0 {
		aheadBuffers.Put(a.ring)
		r.ahead = nil
	}
}

// drop ends reading ahead and discards what nobody has read.
func (r *reader) drop() {
	r.settle()
	if r.ahead != nil {
		aheadBuffers.Put(r.ahead.ring)
		r.ahead = nil
	}
}

// buffered reports whether bytes can be read without waiting for the peer.
func (r *reader) buffered() bool {
	return len(r.buf) > 0 || r.ahead != nil && r.ahead.n > 0
}

func (a *ahead) run(done chan<- struct{}) {
	defer close(done)
	defer func() {
		if p := recover(); p != nil {
			a.end(nil, p)
		}
	}()
	for {
		space, err := a.space()
		if err != nil || space == nil {
			a.end(err, nil)
			return
		}
		began := time.Now()
		n, err := a.r.nc.Read(space)
		a.add(n, time.Since(began))
		if err != nil {
			a.end(err, nil)
			return
		}
	}
}

// space waits for room for a record, so that the caller is not waited for after every few bytes,
// and prepares a read into it. It returns nil if there is to be none.
func (a *ahead) space() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for aheadSize-a.n < a.r.most && !a.stopping {
		a.changed.Wait()
	}
	if a.stopping {
		return nil, nil
	}
	to := (a.from + a.n) % aheadSize
	return a.ring[to:min(aheadSize, to+aheadSize-a.n)], a.r.nc.SetReadDeadline(a.r.deadline())
}

func (a *ahead) add(n int, waited time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += n
	a.r.got += int64(n)
	a.r.waited += waited
	a.changed.Broadcast()
}

// end records why the goroutine ends. A deadline that settle has set is no error.
func (a *ahead) end(err error, panicked any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopping || !errors.Is(err, os.ErrDeadlineExceeded) {
		a.err = err
	}
	a.panicked = panicked
	a.changed.Broadcast()
}

// read returns bytes that were read ahead. It waits for them while the goroutine runs.
func (a *ahead) read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.n == 0 && a.err == nil && a.panicked == nil {
		a.changed.Wait()
	}
	if a.panicked != nil {
		panic(a.panicked)
	}
	if a.n == 0 {
		return 0, a.err
	}
	n := copy(p, a.ring[a.from:min(aheadSize, a.from+a.n)])
	a.from, a.n = (a.from+n)%aheadSize, a.n-n
	a.changed.Broadcast()
	return n, nil
}
