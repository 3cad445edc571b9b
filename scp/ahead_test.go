package scp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/ul"
	"dicomnode/scp"
)

// records is a connection of which a server reads ahead, as it does of one that decrypts.
type records struct{ net.Conn }

func (records) MostRead() int { return 16 << 10 }

// onRecords is onLine on such a connection. A goroutine that is left behind makes it fail.
func onRecords(t *testing.T, b *backend, test func(*testing.T, *line), change ...func(*scp.Server)) {
	t.Helper()
	onConn(t, b, func(nc net.Conn) net.Conn { return records{nc} }, test, change...)
}

// longPDV is the data of the PDV in long PDUs: more than is read at once without reading ahead.
const longPDV = 100_000

// long encodes data as P-DATA-TF PDUs that are read ahead.
func long(t *testing.T, data []byte) []byte {
	t.Helper()
	var out []byte
	for first := true; first || len(data) > 0; first = false {
		n := min(len(data), longPDV)
		b, err := ul.Encode(&ul.PData{Values: []ul.PDV{{ContextID: 1, Last: n == len(data), Data: data[:n]}}})
		if err != nil {
			t.Fatal(err)
		}
		out, data = append(out, b...), data[n:]
	}
	return out
}

// longHeader announces a long PDU of a data set, which is not its last.
func longHeader() []byte {
	b := binary.BigEndian.AppendUint32([]byte{4, 0}, longPDV+6)
	b = binary.BigEndian.AppendUint32(b, longPDV+2)
	return append(b, 1, 0)
}

func commandBytes(t *testing.T, p ul.PDU) []byte {
	t.Helper()
	b, err := ul.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestReadAhead: a data set that is read ahead arrives as it was sent, whether the session reads
// it fast, slowly or not at all, and so do the messages that a hasty peer sends right behind it.
func TestReadAhead(t *testing.T) {
	data := make([]byte, 1_234_567)
	for i := range data {
		data[i] = byte(i * 31 >> 4)
	}
	refusal := errors.New("not wanted")
	for name, store := range map[string]func(r io.Reader) ([]byte, error){
		"fast":       io.ReadAll,
		"slowly":     func(r io.Reader) ([]byte, error) { return io.ReadAll(&hesitant{r: r}) },
		"not at all": func(io.Reader) ([]byte, error) { return nil, refusal },
	} {
		t.Run(name, func(t *testing.T) {
			var got [][]byte
			b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
				all, err := store(r)
				got = append(got, all)
				return err
			}}
			onRecords(t, b, func(t *testing.T, l *line) {
				one := append(commandBytes(t, commandPDU(t, storeRQ(), 1)), long(t, data)...)
				echo := commandBytes(t, commandPDU(t, echoRQ(), 3))
				all := bytes.Join([][]byte{one, one, echo, one, echo}, nil)
				go func() { _, _ = l.Write(all) }() // if it fails, responses are missing
				for range 5 {
					if _, ok := l.receive().(*ul.PData); !ok {
						t.Fatal("no response")
					}
				}
			})
			if len(got) != 3 {
				t.Fatalf("%d data sets", len(got))
			}
			for i, b := range got {
				if name != "not at all" && !bytes.Equal(b, data) {
					t.Errorf("data set %d: %d bytes arrived that differ from the %d sent", i, len(b), len(data))
				}
			}
		})
	}
}

// hesitant reads a few bytes at a time, and now and then nothing for a while.
type hesitant struct {
	r io.Reader
	n int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.n++; h.n%100 == 0 {
		<-time.After(time.Second)
	}
	return h.r.Read(p[:min(len(p), 5000)])
}

// TestReadAheadEnds: while it is read ahead, a data set has the same time limits as otherwise,
// and the session gets the same errors.
func TestReadAheadEnds(t *testing.T) {
	aborted := func(want time.Duration) func(*testing.T, *line) {
		return func(_ *testing.T, l *line) { l.abortedAfter(want) }
	}
	for name, c := range map[string]struct {
		rate int64
		rest func(*testing.T, *line) // behind the beginning of a long PDU
		want error
	}{
		"silent": {-1, aborted(40 * time.Second), os.ErrDeadlineExceeded},
		"slow, then silent": {-1, func(t *testing.T, l *line) {
			for range 3 {
				<-time.After(39 * time.Second)
				l.bytes([]byte("more"))
			}
			l.abortedAfter(40 * time.Second)
		}, os.ErrDeadlineExceeded},
		"slower than the rate": {100, func(t *testing.T, l *line) {
			for range 3 {
				<-time.After(10 * time.Second)
				l.bytes(make([]byte, 100))
			}
			begun := time.Now()
			_, ok := l.receive().(*ul.Abort)
			if took := time.Since(begun); !ok || took < 14*time.Second || took > 15*time.Second {
				t.Errorf("aborted: %v after %v, want 40 s and what the bytes earn, less 30 s", ok, took)
			}
		}, os.ErrDeadlineExceeded},
		"abort": {-1, func(t *testing.T, l *line) {
			l.bytes(make([]byte, longPDV-100))
			l.send(&ul.Abort{Source: ul.SourceUser})
			if n, err := l.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("got %d bytes, %v; want the connection closed", n, err)
			}
		}, scp.ErrAborted},
		"closed": {-1, func(_ *testing.T, l *line) { _ = l.Close() }, io.ErrUnexpectedEOF},
		"released": {-1, func(t *testing.T, l *line) {
			l.bytes(make([]byte, longPDV-100))
			l.send(&ul.Release{})
			if rp, ok := l.receive().(*ul.Release); !ok || !rp.Response {
				t.Error("no A-RELEASE-RP")
			}
		}, io.ErrUnexpectedEOF},
		"something else": {-1, func(t *testing.T, l *line) {
			l.bytes(make([]byte, longPDV-100))
			l.bytes([]byte("GET / HTTP"))
			l.abortedAfter(0)
		}, new(scp.ProtocolError)},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan error, 1)
			b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				heard <- err
				return err
			}}
			onRecords(t, b, func(t *testing.T, l *line) {
				l.send(commandPDU(t, storeRQ(), 1))
				l.bytes(longHeader())
				l.bytes(make([]byte, 100))
				c.rest(t, l)
			}, func(s *scp.Server) { s.MinRate = c.rate })
			err := <-heard
			if violated := new(scp.ProtocolError); !errors.Is(err, c.want) && !(errors.As(c.want, &violated) && errors.As(err, &violated)) {
				t.Errorf("the session heard %v, want %v", err, c.want)
			}
		})
	}
}

// TestReadAheadCountsTheWire: time that the session takes does not count against the rate, also
// if all that fits has been read ahead.
func TestReadAheadCountsTheWire(t *testing.T) {
	data := make([]byte, 600_000)
	b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
		if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
			return err
		}
		<-time.After(time.Hour)
		n, err := io.Copy(io.Discard, r)
		if err == nil && n != int64(len(data))-1000 {
			err = io.ErrShortBuffer
		}
		return err
	}}
	onRecords(t, b, func(t *testing.T, l *line) {
		l.send(commandPDU(t, storeRQ(), 1))
		all := long(t, data)
		go func() { _, _ = l.Write(all) }() // if it fails, there is another response
		p, ok := l.receive().(*ul.PData)
		if !ok {
			t.Fatal("want a response")
		}
		if rsp, err := dimse.Decode(p.Values[0].Data); err != nil || rsp.Status != 0 {
			t.Errorf("response %+v, %v", rsp, err)
		}
	}, func(s *scp.Server) { s.MinRate = 100_000 })
}
