package ul

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// maxFragment is the longest P-DATA-TF that is sent, in bytes, even if the peer accepts longer
// ones.
const maxFragment = 128 << 10

// sendBuffers hold one P-DATA-TF with its headers, and one byte of the next.
var sendBuffers = sync.Pool{New: func() any { return new([maxFragment + 16]byte) }}

// Await waits up to idle for the first byte of the next message.
func (c *Conn) Await(idle time.Duration) error {
	if c.err != nil {
		return c.err
	}
	if c.pduLeft > 0 {
		return nil
	}
	c.in.shrink()
	if err := c.await(idle); err != nil {
		return c.lost(err)
	}
	c.in.got, c.in.waited = 0, 0
	return nil
}

// Ready reports whether a message begins within idle. Unlike [Conn.Await] it does not end the
// association if none does.
func (c *Conn) Ready(idle time.Duration) (bool, error) {
	if c.err != nil {
		return false, c.err
	}
	if c.pduLeft > 0 {
		return true, nil
	}
	err := c.await(idle)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	case err != nil:
		return false, c.lost(err)
	}
	return true, nil
}

// NextPDV moves to the next presentation data value and reads P-DATA-TF PDUs as needed. It
// skips unread bytes of the current one. The PDV's Data is nil: read it with [Conn.Read]. If
// the peer releases the association, NextPDV answers and returns [ErrReleased].
func (c *Conn) NextPDV() (PDV, error) {
	if c.err != nil {
		return PDV{}, c.err
	}
	if err := c.skipPDV(); err != nil {
		return PDV{}, err
	}
	for c.pduLeft == 0 {
		if _, err := c.receive(); err != nil {
			return PDV{}, err
		}
		if c.machine.State() == StaAwaitLocalRP {
			_ = c.do(EvtReleaseResponse, &Release{Response: true}, nil) // released even if the answer fails
			return PDV{}, c.end(ErrReleased)
		}
	}
	return c.pdvHeader()
}

// pdvHeader reads item length, context ID and control header (PS3.8 9.3.5.1).
func (c *Conn) pdvHeader() (PDV, error) {
	if c.pduLeft < 6 {
		return PDV{}, c.violated(invalid("PDV header of %d bytes: want 6", c.pduLeft))
	}
	var header [6]byte
	if _, err := io.ReadFull(&c.in, header[:]); err != nil {
		return PDV{}, c.lost(err)
	}
	n := binary.BigEndian.Uint32(header[:])
	if n < 2 || n > c.pduLeft-4 {
		return PDV{}, c.violated(invalid("PDV of %d bytes: %d remain", n, c.pduLeft-4))
	}
	c.pdvLeft = n - 2
	c.pduLeft -= n + 4
	return PDV{ContextID: header[4], Command: header[5]&1 != 0, Last: header[5]&2 != 0}, nil
}

// Read reads the data of the current PDV; it returns io.EOF at the end of the PDV.
func (c *Conn) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.pdvLeft == 0 {
		return 0, io.EOF
	}
	if uint64(len(p)) > uint64(c.pdvLeft) {
		p = p[:c.pdvLeft]
	}
	n, err := c.in.Read(p)
	c.pdvLeft -= uint32(n)
	if n == 0 && err != nil {
		return 0, c.lost(err)
	}
	return n, nil
}

// Expect prepares for a data set: it gets the large read buffer. The buffer is returned when
// the Conn waits for the next message.
func (c *Conn) Expect() { c.in.grow() }

func (c *Conn) skipPDV() error {
	_, err := io.Copy(io.Discard, onlyReader{c})
	return err
}

// skip discards the rest of the P-DATA-TF.
func (c *Conn) skip() error {
	if err := c.skipPDV(); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, &c.in, int64(c.pduLeft))
	c.pduLeft = 0
	if err != nil {
		return c.lost(err)
	}
	return nil
}

type onlyReader struct{ io.Reader }

// fragment returns how many bytes of data fit in one P-DATA-TF to the peer, an even number
// (PS3.8 9.3.1).
func (c *Conn) fragment() int {
	size := maxFragment
	if c.maxSend != 0 {
		size = int(min(uint64(size), uint64(c.maxSend)))
	}
	return (size - 6) &^ 1
}

// SendCommand sends a command set in one write (PS3.8 E.1).
func (c *Conn) SendCommand(context byte, set []byte) error {
	if c.err != nil {
		return c.err
	}
	var b []byte
	for size := c.fragment(); ; {
		n := min(size, len(set))
		b = appendPDataHeader(b, context, true, n == len(set), n)
		b = append(b, set[:n]...)
		if set = set[n:]; len(set) == 0 {
			return c.sendData(b)
		}
	}
}

// SendDataset sends the data of r up to io.EOF as data set fragments, with one write for each
// P-DATA-TF. If r returns an error, the message is incomplete and the caller must abort. The
// error is wrapped in a [*SourceError].
func (c *Conn) SendDataset(context byte, r io.Reader) error {
	if c.err != nil {
		return c.err
	}
	buffer := sendBuffers.Get().(*[maxFragment + 16]byte)
	defer sendBuffers.Put(buffer)
	size := c.fragment()
	b := buffer[:12+size+1] // headers, data, and one more byte to find out whether this is the last PDU
	have := 0
	for {
		n, err := io.ReadFull(source{r}, b[12+have:])
		var failed *SourceError
		if errors.As(err, &failed) {
			return failed
		}
		n += have // less than wanted at the end of r
		last := n <= size
		n = min(n, size)
		appendPDataHeader(b[:0], context, false, last, n)
		if err := c.sendData(b[:12+n]); err != nil || last {
			return err
		}
		b[12], have = b[12+size], 1
	}
}

// SourceError is an error in reading the data set to send; the association is intact.
type SourceError struct{ Err error }

// Error returns the text of the reader's error.
func (e *SourceError) Error() string { return "read data set to send: " + e.Err.Error() }

// Unwrap returns the reader's error.
func (e *SourceError) Unwrap() error { return e.Err }

// source is a reader whose errors other than io.EOF are of type *SourceError, so that an
// io.ErrUnexpectedEOF of its own is not taken for that of io.ReadFull.
type source struct{ r io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF { // itself, as io.ReadFull compares it
		err = &SourceError{err}
	}
	return n, err
}

func appendPDataHeader(b []byte, context byte, command, last bool, n int) []byte {
	b = append(b, typePData, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(n+6))
	return appendPDVHeader(b, context, command, last, n)
}

func (c *Conn) sendData(b []byte) error {
	if err := c.do(EvtDataRequest, nil, nil); err != nil {
		return err
	}
	if err := c.write(b); err != nil {
		return c.writeFailed(err)
	}
	return nil
}

// writeFailed returns the A-ABORT that the peer may have sent, else the write error.
func (c *Conn) writeFailed(err error) error {
	c.artim = time.Now().Add(linger)
	for c.err == nil {
		if _, lost := c.receive(); lost != nil {
			break
		}
		if c.skip() != nil || c.machine.State() != StaData {
			break
		}
	}
	var aborted *AbortError
	if errors.As(c.err, &aborted) {
		return c.err
	}
	c.err = nil
	return c.end(errors.Join(errors.New("write to the peer"), err))
}
