package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Sender takes messages from a spool to a syslog collector.
type Sender struct {
	Spool   *Spool
	Address string             // host:port of the collector
	TLS     func() *tls.Config // of the moment; nil sends by UDP (RFC 5426)
	Log     *slog.Logger       // says when the collector fails and when it works again; no message
}

const (
	// batch is how many messages go over one connection.
	batch = 256
	// look is how often the spool is looked at, for what other processes put there.
	look = 5 * time.Second
	// pauseFirst is the pause after a failure; it doubles up to pauseMost.
	pauseFirst = time.Second
	pauseMost  = time.Minute
	// sendTime bounds one batch.
	sendTime = 30 * time.Second
)

// Run sends until ctx ends. What is not sent then waits in the spool.
func (s *Sender) Run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		n, err := s.send(ctx)
		wait := look
		switch {
		case err != nil && ctx.Err() == nil:
			wait = min(pauseMost, pauseFirst<<min(failures, 10))
			if failures++; failures == 1 {
				s.Log.Warn("audit messages not sent, they wait in the spool", "collector", s.Address, "error", err)
			}
		case err == nil && n > 0:
			if failures > 0 {
				s.Log.Info("audit messages are sent again", "collector", s.Address)
			}
			failures = 0
			if n == batch {
				continue
			}
		}
		timer := time.NewTimer(wait)
		wake := s.Spool.wake
		if err != nil {
			wake = nil // the pause is one
		}
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// send sends a batch and notes it.
func (s *Sender) send(ctx context.Context) (int, error) {
	all, end, err := s.Spool.pending(batch)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	if s.TLS == nil {
		err = s.datagrams(ctx, all)
	} else {
		err = s.stream(ctx, all)
	}
	if err != nil {
		return 0, err
	}
	return len(all), s.Spool.done(end)
}

// datagrams sends each message in one (RFC 5426 3.1). Nothing tells whether it arrives.
func (s *Sender) datagrams(ctx context.Context, all [][]byte) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", s.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, m := range all {
		if _, err := c.Write(record(m)); err != nil {
			return err
		}
	}
	return nil
}

// stream sends messages with their lengths over TLS (RFC 5425 4.3). Syslog has no
// answers, and what a broken connection swallowed nobody knows: a batch counts as sent
// when the collector has read all of it and closes in turn (RFC 5425 4.4). One that
// leaves the connection open is believed.
func (s *Sender) stream(ctx context.Context, all [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	nc, err := (&tls.Dialer{Config: s.TLS()}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	c := nc.(*tls.Conn) // of a tls.Dialer
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(sendTime)); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, m := range all {
		r := record(m)
		fmt.Fprintf(&b, "%d ", len(r))
		b.Write(r)
	}
	if _, err := c.Write(b.Bytes()); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(closeTime)) // fails where the next read does
	_, err = io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// closeTime is how long a collector may take to close.
const closeTime = 5 * time.Second

// priority is facility 10, security and authorization, severity 5, notice (RFC 5424
// 6.2.1, PS3.15 A.6).
const priority = 10<<3 | 5

// record is a syslog message (RFC 5424 6): MSGID is that of PS3.15 A.6, and the byte
// order mark says that the text is UTF-8.
func record(m []byte) []byte {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "-"
	}
	program := filepath.Base(os.Args[0])
	head := fmt.Sprintf("<%d>1 %s %s %s %d DICOM+RFC3881 - \xEF\xBB\xBF", priority, time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"), host, program, os.Getpid())
	return append([]byte(head), m...)
}
