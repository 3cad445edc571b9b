package dimse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"dicomnode/internal/ul"
)

// Message is a command received, and the data set behind it.
type Message struct {
	ContextID byte
	Command   *Command
	Dataset   io.Reader // nil without data set; streams from the association
	dataset   dataset
}

// Read waits at most idle for the next message and reads its command set. A
// data set must be read to its end, or [Message.Drain] called, before the next
// Read.
func Read(conn *ul.Conn, idle time.Duration) (*Message, error) {
	if err := conn.Await(idle); err != nil {
		return nil, err
	}
	m, set, err := readCommandSet(conn)
	if err != nil {
		return nil, err
	}
	if m.Command, err = Decode(set); err == nil {
		err = m.Command.Check()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Violation(ul.ReasonInvalidValue, "invalid command set"))
	}
	if m.Command.HasDataset() {
		m.dataset = dataset{conn: conn, contextID: m.ContextID}
		m.Dataset = &m.dataset
	}
	return m, nil
}

// readCommandSet joins the command fragments: all of one presentation context,
// up to the one marked last (PS3.7 6.3.1, PS3.8 E.2).
func readCommandSet(conn *ul.Conn) (*Message, []byte, error) {
	var m *Message
	var set bytes.Buffer
	for {
		pdv, err := conn.NextPDV()
		if m != nil && errors.Is(err, ul.ErrReleased) {
			err = fmt.Errorf("%w within a command set: %w", err, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return nil, nil, err
		}
		if m == nil {
			m = &Message{ContextID: pdv.ContextID}
		}
		if !pdv.Command || pdv.ContextID != m.ContextID {
			return nil, nil, conn.Violation(ul.ReasonInvalidValue, "fragment that does not belong to the command set")
		}
		if _, err := io.Copy(&set, io.LimitReader(conn, int64(MaxCommandLength+1-set.Len()))); err != nil {
			return nil, nil, err
		}
		if set.Len() > MaxCommandLength {
			return nil, nil, conn.Violation(ul.ReasonInvalidValue, "command set too long")
		}
		if pdv.Last {
			return m, set.Bytes(), nil
		}
	}
}

// Drain reads the rest of the data set, for at most the time given.
func (m *Message) Drain(within time.Duration) error {
	if m.Dataset == nil {
		return nil
	}
	m.dataset.deadline = time.Now().Add(within)
	_, err := io.Copy(io.Discard, m.Dataset)
	return err
}

// Bytes returns how much of the data set was read.
func (m *Message) Bytes() int64 { return m.dataset.n }

// dataset streams the data set fragments of one message.
type dataset struct {
	conn      *ul.Conn
	contextID byte
	begun     bool
	last      bool // the current fragment is the last
	done      bool
	n         int64
	err       error
	deadline  time.Time // zero: none
}

// Read returns io.EOF only after the last fragment; a broken association is
// another error.
func (d *dataset) Read(p []byte) (int, error) {
	for {
		switch {
		case d.err != nil:
			return 0, d.err
		case d.done:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		case !d.deadline.IsZero() && time.Now().After(d.deadline):
			d.err = errors.Join(errors.New("rest of the data set takes too long"), d.conn.Violation(ul.ReasonNotSpecified, "data set takes too long"))
			return 0, d.err
		}
		if !d.begun {
			d.begin()
			continue
		}
		n, err := d.conn.Read(p)
		d.n += int64(n)
		if n > 0 {
			return n, nil
		}
		d.next(err)
	}
}

func (d *dataset) begin() {
	d.begun = true
	d.conn.Expect()
	d.fragment()
}

// next goes on after the end of a fragment, or fails.
func (d *dataset) next(err error) {
	switch {
	case !errors.Is(err, io.EOF): // which io.ErrUnexpectedEOF is not
		d.err = fmt.Errorf("receive data set: %w", err)
	case d.last:
		d.done = true
	default:
		d.fragment()
	}
}

func (d *dataset) fragment() {
	pdv, err := d.conn.NextPDV()
	switch {
	case errors.Is(err, ul.ErrReleased):
		err = fmt.Errorf("%w within a data set: %w", err, io.ErrUnexpectedEOF)
	case err == nil && (pdv.Command || pdv.ContextID != d.contextID):
		err = d.conn.Violation(ul.ReasonInvalidValue, "fragment that does not belong to the data set")
	}
	if err != nil {
		d.err = fmt.Errorf("receive data set: %w", err)
	}
	d.last = pdv.Last
}

// Send sends a command in one write and, when data is not nil, its data set.
func Send(conn *ul.Conn, contextID byte, c *Command, data io.Reader) error {
	c.Present |= CommandField | CommandDataSetType
	c.DataSetType = NoDataset
	if data != nil {
		c.DataSetType = HasDataset
	}
	set, err := Encode(c)
	if err != nil {
		return err
	}
	if err := conn.SendCommand(contextID, set); err != nil || data == nil {
		return err
	}
	return conn.SendDataset(contextID, data)
}
