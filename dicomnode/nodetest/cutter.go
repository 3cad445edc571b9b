package nodetest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Cutter stands between two sides of TCP connections and resets some of them.
type Cutter struct {
	Address string // host:port to call instead of the target's
	// Spare tells after how many bytes, of both directions together, the next connection
	// is reset; a negative number leaves it whole.
	Spare  func() int64
	target atomic.Pointer[string]
	cuts   atomic.Int64
}

// NewCutter listens on loopback until the test ends, and passes nothing on before To.
func NewCutter(t testing.TB, spare func() int64) *Cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cutter{Address: ln.Addr().String(), Spare: spare}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.pass(ctx, nc) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		cancel()
		all.Wait()
	})
	return c
}

// To says who is called.
func (c *Cutter) To(address string) { c.target.Store(&address) }

// Cuts is how many connections were reset.
func (c *Cutter) Cuts() int { return int(c.cuts.Load()) }

// pass carries bytes both ways until either side ends, or they are too many.
func (c *Cutter) pass(ctx context.Context, here net.Conn) {
	defer here.Close()
	address := c.target.Load()
	if address == nil {
		return
	}
	there, err := new(net.Dialer).DialContext(ctx, "tcp", *address)
	if err != nil {
		return
	}
	defer there.Close()
	var once sync.Once
	end := func(cut bool) {
		once.Do(func() {
			if cut {
				c.cuts.Add(1)
				Reset(here)
				Reset(there)
			}
			_ = here.Close()
			_ = there.Close()
		})
	}
	defer context.AfterFunc(ctx, func() { end(false) })()
	var left atomic.Int64
	spare := c.Spare()
	left.Store(spare)
	carry := func(to, from net.Conn) {
		b := make([]byte, 512)
		for {
			n, err := from.Read(b)
			if spare >= 0 && left.Add(-int64(n)) < 0 {
				end(true)
				return
			}
			if _, werr := to.Write(b[:n]); werr != nil || err != nil {
				end(false)
				return
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { carry(there, here) })
	both.Go(func() { carry(here, there) })
	both.Wait()
}
