package ul_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"dicomnode/internal/ul"
)

// side is a Conn in a synctest bubble, the user who calls it, and the bytes that it wrote to
// the peer.
type side struct {
	conn *ul.Conn
	peer net.Conn
	done chan error // result of the user's call

	mu   sync.Mutex
	sent []byte
}

// Write collects what was sent.
func (s *side) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, b...)
	return len(b), nil
}

// taken returns what was sent since the last call, when all goroutines wait.
func (s *side) taken() []byte {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// newSide starts the user. Its error is kept until the peer has closed.
func newSide(acceptor bool, user func(*ul.Conn) error) *side {
	here, there := net.Pipe()
	s := &side{
		conn: ul.NewConn(there, acceptor, 16384, ul.Timeouts{ARTIM: time.Minute, Read: time.Minute, Write: time.Minute}),
		peer: here, done: make(chan error, 1),
	}
	go func() { _, _ = io.Copy(s, here) }()
	go func() {
		s.done <- user(s.conn)
		s.conn.Close()
	}()
	synctest.Wait()
	return s
}

// play writes the peer's PDUs and returns the answer.
func (s *side) play(t *testing.T, pdus ...[]byte) []byte {
	t.Helper()
	s.taken()
	for _, b := range pdus {
		_, _ = s.peer.Write(b) // fails if the connection is closed in between
	}
	return s.taken()
}

func encoded(t *testing.T, p ul.PDU) []byte {
	t.Helper()
	b, err := ul.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Users of a Conn, named after the states that they start in.
func requestor(c *ul.Conn) error { _, err := c.Associate(request()); return err }

func acceptor(c *ul.Conn) error {
	rq, err := c.Request()
	if err != nil {
		return err
	}
	ac := rq.Answer()
	ac.Contexts = []ul.Context{{ID: 1, TransferSyntaxes: rq.Contexts[0].TransferSyntaxes}}
	return c.Accept(ac)
}

func receive(c *ul.Conn) (err error) {
	for err == nil {
		_, err = c.NextPDV()
	}
	return err
}

// receiving is a user that accepts and waits for messages.
var receiving = then(acceptor, receive)

func then(first, second func(*ul.Conn) error) func(*ul.Conn) error {
	return func(c *ul.Conn) error {
		if err := first(c); err != nil {
			return err
		}
		return second(c)
	}
}

// waits are the states in which a Conn waits for its peer, and how to reach them.
var waits = []struct {
	state    ul.State
	acceptor bool
	user     func(*ul.Conn) error
	before   []ul.PDU // what the peer sends to get there
}{
	{ul.StaAwaitRequest, true, acceptor, nil},
	{ul.StaAwaitAnswer, false, then(requestor, receive), nil},
	{ul.StaData, true, receiving, []ul.PDU{request()}},
	{ul.StaAwaitReleaseRP, false, then(requestor, (*ul.Conn).Release), []ul.PDU{answer()}},
	{ul.StaCollisionACRP, true, then(acceptor, (*ul.Conn).Release), []ul.PDU{request(), &ul.Release{}}},
	{ul.StaCollisionRQRP, false, then(requestor, (*ul.Conn).Release), []ul.PDU{answer(), &ul.Release{}}},
}

// received are the PDUs that a peer may send, by their event.
func received(t *testing.T) map[string][]byte {
	return map[string][]byte{
		"Evt3":  encoded(t, answer()),
		"Evt4":  encoded(t, &ul.Reject{Result: 1, Source: 1, Reason: 1}),
		"Evt6":  encoded(t, request()),
		"Evt10": encoded(t, pdus["P-DATA-TF"]),
		"Evt12": encoded(t, &ul.Release{}),
		"Evt13": encoded(t, &ul.Release{Response: true}),
		"Evt16": encoded(t, &ul.Abort{Source: ul.SourceUser}),
		"Evt19": {0x47, 0, 0, 0, 0, 0},
	}
}

// table910 reads the cells typed from the standard.
func table910(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/table9-10.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] != "#" && len(fields) == 14 {
			table[fields[0]] = fields // column n is state n
		}
	}
	return table
}

// TestEveryPDUInEveryWait: in each waiting state, each PDU gets the answer of its action in
// PS3.8 Table 9-10.
func TestEveryPDUInEveryWait(t *testing.T) {
	table := table910(t)
	for _, w := range waits {
		for event, pdu := range received(t) {
			cell, _, _ := strings.Cut(table[event][w.state], "/")
			t.Run(w.state.String()+" "+event+" "+cell, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSide(w.acceptor, w.user)
					for _, p := range w.before {
						s.play(t, encoded(t, p))
					}
					if got := s.conn.State(); got != w.state {
						t.Fatalf("in %v, want %v", got, w.state)
					}
					checkAnswer(t, s, cell, s.play(t, pdu))
				})
			})
		}
	}
}

// answers are the bytes that an action writes (PS3.8 Tables 9-6 to 9-9); other actions write
// none. The A-ABORT is that of the service provider, with the reason for an unexpected or an
// unrecognized PDU.
var answers = map[string]string{
	"AE-6":  "02", // the A-ASSOCIATE-AC that acceptor gives
	"AR-2":  "06000000000400000000",
	"AR-8":  "06000000000400000000", // the requestor answers a collision at once
	"AR-10": "06000000000400000000",
	"AA-1":  "070000000004000002",
	"AA-8":  "070000000004000002",
}

func checkAnswer(t *testing.T, s *side, cell string, sent []byte) {
	t.Helper()
	want, got := answers[cell], hex.EncodeToString(sent)
	if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
		t.Errorf("answered %s, want %s", got, want)
	}
	_ = s.peer.Close()
	err := <-s.done
	var broken *ul.ProtocolError
	switch {
	case strings.HasPrefix(want, "07"):
		if !errors.As(err, &broken) {
			t.Errorf("got error %v, want a protocol error", err)
		}
	case cell == "AA-2" || cell == "AA-3":
		if !errors.Is(err, ul.ErrAborted) {
			t.Errorf("got error %v, want that the peer aborted", err)
		}
	case errors.As(err, &broken):
		t.Errorf("got %v of a PDU that may come", err)
	}
}

// TestAbortReasons: the reason in the A-ABORT names the peer's error (PS3.8 Table 9-26).
func TestAbortReasons(t *testing.T) {
	twice := encoded(t, request())
	twice = append(twice, twice[74:99]...) // the application context again
	binary.BigEndian.PutUint32(twice[2:], uint32(len(twice)-6))
	for name, c := range map[string]struct {
		before []ul.PDU
		bytes  []byte
		reason byte
	}{
		"unrecognized PDU":           {nil, []byte{0x47, 0, 0, 0, 0, 0}, ul.ReasonUnrecognizedPDU},
		"unexpected PDU":             {nil, encoded(t, &ul.Release{}), ul.ReasonUnexpectedPDU},
		"application context twice":  {nil, twice, ul.ReasonUnexpectedItem},
		"P-DATA-TF over the maximum": {[]ul.PDU{request()}, []byte{4, 0, 0, 0, 0x40, 1}, ul.ReasonInvalidValue},
		"P-DATA-TF of no bytes":      {[]ul.PDU{request()}, []byte{4, 0, 0, 0, 0, 0}, ul.ReasonInvalidValue},
		"PDV over the P-DATA-TF":     {[]ul.PDU{request()}, []byte{4, 0, 0, 0, 0, 6, 0, 0, 0, 3, 1, 3}, ul.ReasonInvalidValue},
		"A-RELEASE-RQ of 8 bytes":    {[]ul.PDU{request()}, []byte{5, 0, 0, 0, 0, 8}, ul.ReasonInvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSide(true, receiving)
				for _, p := range c.before {
					s.play(t, encoded(t, p))
				}
				want := encoded(t, &ul.Abort{Source: ul.SourceProvider, Reason: c.reason})
				if got := s.play(t, c.bytes); string(got) != string(want) {
					t.Errorf("answered %x, want %x", got, want)
				}
				_ = s.peer.Close()
				<-s.done
			})
		})
	}
}

// TestTransportClosed: in every waiting state, the end of the connection is an unexpected EOF.
func TestTransportClosed(t *testing.T) {
	for _, w := range waits {
		t.Run(w.state.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSide(w.acceptor, w.user)
				for _, p := range w.before {
					s.play(t, encoded(t, p))
				}
				_ = s.peer.Close()
				if err := <-s.done; !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %v, want an unexpected end", err)
				}
			})
		})
	}
}

// TestSendDatasetOfAFailingReader: only io.EOF itself is the end of a data set. Any other error
// is returned and the last PDU is not sent, also when the error looks like an end.
func TestSendDatasetOfAFailingReader(t *testing.T) {
	for _, want := range []error{nil, io.ErrUnexpectedEOF, fmt.Errorf("inflate: %w", io.EOF), os.ErrPermission} {
		synctest.Test(t, func(t *testing.T) {
			r := io.Reader(strings.NewReader("data"))
			if want != nil {
				r = io.MultiReader(r, iotest.ErrReader(want))
			}
			s := newSide(false, then(requestor, func(c *ul.Conn) error { return c.SendDataset(1, r) }))
			s.play(t, encoded(t, answer()))
			_ = s.peer.Close()
			var failed *ul.SourceError
			if err := <-s.done; errors.As(err, &failed) != (want != nil) || !errors.Is(err, want) {
				t.Errorf("reader fails with %v: got %v", want, err)
			}
		})
	}
}
