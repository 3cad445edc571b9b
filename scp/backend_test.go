package scp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

const (
	dxImage    = "1.2.840.10008.5.1.4.1.1.1.1"
	bigEndian  = "1.2.840.10008.1.2.2"
	deflated   = "1.2.840.10008.1.2.1.99"
	rle        = "1.2.840.10008.1.2.5"
	instance   = "2.25.1"
	patientCan = "CANARY^PATIENT"
)

// patience is the time limit for every wait, so that an error makes a test fail and not hang.
const patience = 10 * time.Second

func wait[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case got := <-c:
		return got
	case <-time.After(patience):
	}
	t.Fatal("nothing happened")
	panic("unreachable")
}

// backend is a Backend and Session whose Store a test chooses.
type backend struct {
	admit func(scp.Peer) error
	store func(context.Context, scp.StoreRequest, io.Reader) error

	mu     sync.Mutex
	got    map[string][]byte // by SOP Instance UID
	asked  []scp.StoreRequest
	closed int
	ended  chan struct{} // closed by Close unless nil
}

func (b *backend) NewSession(_ context.Context, p scp.Peer) (scp.Session, error) {
	if b.admit != nil {
		if err := b.admit(p); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *backend) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	if b.store != nil {
		return b.store(ctx, req, r)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got == nil {
		b.got = map[string][]byte{}
	}
	b.got[req.SOPInstanceUID] = data
	b.asked = append(b.asked, req)
	return nil
}

// last returns the last instance stored.
func (b *backend) last() (scp.StoreRequest, []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	req := b.asked[len(b.asked)-1]
	return req, b.got[req.SOPInstanceUID]
}

func (b *backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
	if b.ended != nil {
		close(b.ended)
	}
	return nil
}

// syncBuffer collects a log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve starts a server on a loopback port; it is shut down at the end of the test.
func serve(t testing.TB, b scp.Backend, change ...func(*scp.Server)) (addr string, log *syncBuffer) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, b, change...)
}

func serveOn(t testing.TB, ln net.Listener, b scp.Backend, change ...func(*scp.Server)) (addr string, log *syncBuffer) {
	t.Helper()
	log = &syncBuffer{}
	all := []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, bigEndian, deflated, rle}
	s := &scp.Server{
		IdleTimeout: patience, ReadTimeout: patience,
		AETitles: []string{"XNET"}, Backend: b, Log: slog.New(slog.NewTextHandler(log, nil)),
		Contexts: []scp.SupportedContext{{AbstractSyntax: dxImage, TransferSyntaxes: all}, {AbstractSyntax: secondaryCapture, TransferSyntaxes: all}},
	}
	for _, f := range change {
		f(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), wait(t, done)); err != nil {
			t.Errorf("shut down: %v", err)
		}
	})
	return ln.Addr().String(), log
}

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7"

func request(contexts ...ul.Context) *ul.Associate {
	if len(contexts) == 0 {
		contexts = []ul.Context{
			{ID: 1, AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
			{ID: 3, AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		}
	}
	return &ul.Associate{
		ProtocolVersion: 1, Called: "XNET", Calling: "PACS", ApplicationContext: uid.ApplicationContext, Contexts: contexts,
		User: ul.UserInformation{MaximumLength: 16384, ImplementationClassUID: "1.2.3", Window: &ul.Window{}},
	}
}

func associate(t testing.TB, addr string) *scptest.Peer {
	t.Helper()
	p := scptest.Dial(t, addr)
	p.SendPDU(request())
	scptest.Expect[*ul.Associate](p)
	return p
}

func echoRQ() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CEchoRQ, AffectedSOPClassUID: uid.Verification, MessageID: 9, DataSetType: dimse.NoDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageID | dimse.AffectedSOPClassUID,
	}
}

func storeRQ() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CStoreRQ, AffectedSOPClassUID: dxImage, AffectedSOPInstanceUID: instance, MessageID: 5, DataSetType: dimse.HasDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageID | dimse.Priority | dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID,
	}
}

func commandPDU(t testing.TB, c *dimse.Command, context byte) *ul.PData {
	t.Helper()
	set, err := dimse.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return &ul.PData{Values: []ul.PDV{{ContextID: context, Command: true, Last: true, Data: set}}}
}

func dataPDU(last bool, data string) *ul.PData {
	return &ul.PData{Values: []ul.PDV{{ContextID: 1, Last: last, Data: []byte(data)}}}
}

func expectResponse(t *testing.T, p *scptest.Peer) *dimse.Command {
	t.Helper()
	c, err := dimse.Decode(scptest.Expect[*ul.PData](p).Values[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
