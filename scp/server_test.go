package scp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/dimse"
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

// backend is a Backend and Session whose Store a test chooses.
type backend struct {
	admit func(scp.Peer) error
	store func(context.Context, scp.StoreRequest, io.Reader) error

	mu     sync.Mutex
	got    map[string][]byte // by SOP Instance UID
	asked  []scp.StoreRequest
	closed int
	ended  chan struct{} // closed with the session unless nil
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

// last returns the latest instance stored.
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

// serve starts a server on a loopback port; it is shut down with the test.
func serve(t testing.TB, b scp.Backend, change ...func(*scp.Server)) (addr string, log *syncBuffer) {
	t.Helper()
	log = &syncBuffer{}
	all := []string{scp.ExplicitVRLittleEndian, scp.ImplicitVRLittleEndian, bigEndian, deflated, rle}
	s := &scp.Server{
		AETitles: []string{"XNET"}, Backend: b, Log: slog.New(slog.NewTextHandler(log, nil)),
		Contexts: []scp.SupportedContext{{AbstractSyntax: dxImage, TransferSyntaxes: all}, {AbstractSyntax: secondaryCapture, TransferSyntaxes: all}},
	}
	for _, f := range change {
		f(s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-done); err != nil {
			t.Errorf("shut down: %v", err)
		}
	})
	return ln.Addr().String(), log
}

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7"

func request(contexts ...ul.Context) *ul.Associate {
	if len(contexts) == 0 {
		contexts = []ul.Context{
			{ID: 1, AbstractSyntax: dxImage, TransferSyntaxes: []string{scp.ImplicitVRLittleEndian}},
			{ID: 3, AbstractSyntax: scp.VerificationSOPClassUID, TransferSyntaxes: []string{scp.ImplicitVRLittleEndian}},
		}
	}
	return &ul.Associate{
		ProtocolVersion: 1, Called: "XNET", Calling: "PACS", ApplicationContext: ul.ApplicationContextName, Contexts: contexts,
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

func TestNegotiation(t *testing.T) {
	addr, _ := serve(t, &backend{})
	p := scptest.Dial(t, addr)
	p.SendPDU(request(
		ul.Context{ID: 1, AbstractSyntax: dxImage, TransferSyntaxes: []string{"1.2.3", scp.ImplicitVRLittleEndian, scp.ExplicitVRLittleEndian}},
		ul.Context{ID: 3, AbstractSyntax: dxImage, TransferSyntaxes: []string{"1.2.3"}},
		ul.Context{ID: 5, AbstractSyntax: "1.2.3", TransferSyntaxes: []string{scp.ImplicitVRLittleEndian}},
		ul.Context{ID: 255, AbstractSyntax: scp.VerificationSOPClassUID, TransferSyntaxes: []string{scp.ImplicitVRLittleEndian}},
	))
	ac := scptest.Expect[*ul.Associate](p)
	want := map[byte]byte{1: ul.Acceptance, 3: ul.TransferSyntaxUnsupported, 5: ul.AbstractSyntaxUnsupported, 255: ul.Acceptance}
	for _, c := range ac.Contexts {
		if c.Result != want[c.ID] {
			t.Errorf("context %d: got result %d, want %d", c.ID, c.Result, want[c.ID])
		}
	}
	if len(ac.Contexts) != len(want) || ac.Contexts[0].TransferSyntaxes[0] != scp.ExplicitVRLittleEndian {
		t.Errorf("got contexts %+v, want 4, the first in the server's preferred transfer syntax", ac.Contexts)
	}
	if w := ac.User.Window; w == nil || *w != (ul.Window{Invoked: 1, Performed: 1}) {
		t.Errorf("got asynchronous window %v, want 1/1", w)
	}
	if ac.User.MaximumLength != scp.DefaultMaxPDULength || ac.User.ImplementationClassUID != scp.DefaultImplementationClassUID {
		t.Errorf("got user information %+v", ac.User)
	}
}

func TestRefusals(t *testing.T) {
	refuse := func(p scp.Peer) error {
		switch p.Calling {
		case "PACS":
			return nil
		case "BROKEN":
			return errors.New("no configuration")
		}
		return &scp.RejectError{Result: 1, Source: 1, Reason: 3, Err: errors.New("not a listed peer")}
	}
	addr, log := serve(t, &backend{admit: refuse})
	for name, c := range map[string]struct {
		change func(*ul.Associate)
		want   ul.Reject
	}{
		"called AE title":     {func(rq *ul.Associate) { rq.Called = "OTHER" }, ul.Reject{Result: 1, Source: 1, Reason: 7}},
		"calling AE title":    {func(rq *ul.Associate) { rq.Calling = "STRANGER" }, ul.Reject{Result: 1, Source: 1, Reason: 3}},
		"backend error":       {func(rq *ul.Associate) { rq.Calling = "BROKEN" }, ul.Reject{Result: 2, Source: 1, Reason: 1}},
		"application context": {func(rq *ul.Associate) { rq.ApplicationContext = "1.2.3" }, ul.Reject{Result: 1, Source: 1, Reason: 2}},
		"protocol version":    {func(rq *ul.Associate) { rq.ProtocolVersion = 2 }, ul.Reject{Result: 1, Source: 2, Reason: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			p := scptest.Dial(t, addr)
			rq := request()
			c.change(rq)
			p.SendPDU(rq)
			if got := scptest.Expect[*ul.Reject](p); *got != c.want {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
		})
	}
	for _, want := range []string{"calling=STRANGER", "called=OTHER", "called AE title not recognised", "not a listed peer", "127.0.0.1:"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

func TestLimits(t *testing.T) {
	addr, _ := serve(t, &backend{}, func(s *scp.Server) { s.MaxAssociations = 2; s.MaxAssociationsPerPeer = 1 })
	for range 20 { // silent connections take no place
		scptest.Dial(t, addr)
	}
	first := associate(t, addr)
	second := scptest.Dial(t, addr)
	second.SendPDU(request())
	want := ul.Reject{Result: 2, Source: 3, Reason: 2}
	if got := scptest.Expect[*ul.Reject](second); *got != want {
		t.Errorf("second of one peer: got %+v, want %+v", *got, want)
	}
	other := scptest.Dial(t, addr)
	rq := request()
	rq.Calling = "OTHER"
	other.SendPDU(rq)
	scptest.Expect[*ul.Associate](other)
	third := scptest.Dial(t, addr)
	rq.Calling = "THIRD"
	third.SendPDU(rq)
	if got := scptest.Expect[*ul.Reject](third); *got != want {
		t.Errorf("third at all: got %+v, want %+v", *got, want)
	}
	first.SendPDU(&ul.Release{})
	scptest.Expect[*ul.Release](first)
}

// TestBadBytes plays what a peer must not send. Each is answered by A-ABORT from
// the service provider, then the connection is closed.
func TestBadBytes(t *testing.T) {
	addr, _ := serve(t, &backend{})
	twice := request()
	twice.Contexts[1].ID = 1
	encoded := func(p ul.PDU) []byte {
		b, err := ul.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	item := encoded(request())
	item[6+68+2], item[6+68+3] = 0xFF, 0xFF
	huge := append([]byte{1, 0, 0xFF, 0xFF, 0xFF, 0xFF}, item[6:]...)
	command := func(c *dimse.Command, context byte) []byte { return encoded(commandPDU(t, c, context)) }
	for name, c := range map[string]struct {
		associated bool
		bytes      []byte
	}{
		"HTTP":                           {false, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		"TLS":                            {false, []byte{0x16, 3, 1, 2, 0, 1, 0, 1}},
		"request of 0xFFFFFFFF bytes":    {false, huge},
		"item longer than the request":   {false, item},
		"presentation context twice":     {false, encoded(twice)},
		"release before association":     {false, encoded(&ul.Release{})},
		"data before association":        {false, encoded(&ul.PData{})},
		"second request":                 {true, encoded(request())},
		"P-DATA of 0xFFFFFFFF bytes":     {true, []byte{4, 0, 0xFF, 0xFF, 0xFF, 0xFF}},
		"P-DATA over the announced":      {true, []byte{4, 0, 0, 2, 0, 1}},
		"PDV longer than the PDU":        {true, []byte{4, 0, 0, 0, 0, 10, 0, 0, 0xFF, 0xFF, 1, 3, 1, 2, 3, 4}},
		"PDV of 0xFFFFFFFF bytes":        {true, []byte{4, 0, 0, 0, 0, 10, 0xFF, 0xFF, 0xFF, 0xFF, 1, 3, 1, 2, 3, 4}},
		"PDV without control header":     {true, []byte{4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3}},
		"PDV header cut":                 {true, []byte{4, 0, 0, 0, 0, 3, 0, 0, 0}},
		"garbage as command set":         {true, encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Last: true, Data: []byte("garbage")}}})},
		"data set without command":       {true, encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Last: true, Data: []byte("xx")}}})},
		"context that was not accepted":  {true, command(echoRQ(), 99)},
		"response to no request":         {true, command(&dimse.Command{Field: dimse.CEchoRSP, DataSetType: dimse.NoDataset, Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement}, 3)},
		"endless command set":            {true, bytes.Repeat(encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Data: make([]byte, 8000)}}}), 3)},
		"A-ABORT of wrong size":          {true, []byte{7, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0}},
		"unexpected A-RELEASE-RP":        {true, encoded(&ul.Release{Response: true})},
		"command set without message ID": {true, command(&dimse.Command{Field: dimse.CEchoRQ, DataSetType: dimse.NoDataset, Present: dimse.CommandField | dimse.CommandDataSetType}, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := scptest.Dial(t, addr)
			if c.associated {
				p.SendPDU(request())
				scptest.Expect[*ul.Associate](p)
			}
			p.Send(c.bytes)
			if got := scptest.Expect[*ul.Abort](p); got.Source != ul.SourceProvider {
				t.Errorf("got A-ABORT of source %d, want %d", got.Source, ul.SourceProvider)
			}
			p.ExpectClosed()
		})
	}
}

func echoRQ() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CEchoRQ, AffectedSOPClassUID: scp.VerificationSOPClassUID, MessageID: 9, DataSetType: dimse.NoDataset,
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

// TestStoreStatus: every way a C-STORE can fail, its status, and that the
// association goes on.
func TestStoreStatus(t *testing.T) {
	without := func(e dimse.Elements) func(*dimse.Command) { return func(c *dimse.Command) { c.Present &^= e } }
	fail := func(err error) func(context.Context, scp.StoreRequest, io.Reader) error {
		return func(context.Context, scp.StoreRequest, io.Reader) error { return err }
	}
	for name, c := range map[string]struct {
		change func(*dimse.Command)
		store  func(context.Context, scp.StoreRequest, io.Reader) error
		want   scp.Status
	}{
		"stored":                  {nil, nil, scp.Success},
		"stored without reading":  {nil, fail(nil), scp.Success},
		"out of resources":        {nil, fail(&scp.StatusError{Status: scp.OutOfResources, Comment: "spool full"}), scp.OutOfResources},
		"wrapped":                 {nil, fail(fmt.Errorf("x: %w", &scp.StatusError{Status: 0xA900})), scp.DataSetMismatch},
		"any other error":         {nil, fail(errors.New("disk")), scp.ProcessingFailure},
		"error called success":    {nil, fail(&scp.StatusError{Status: scp.Success}), scp.ProcessingFailure},
		"path as UID":             {func(c *dimse.Command) { c.AffectedSOPInstanceUID = "../../tmp/evil" }, nil, scp.InvalidSOPInstance},
		"no SOP instance":         {without(dimse.AffectedSOPInstanceUID), nil, scp.MissingAttribute},
		"no SOP class":            {without(dimse.AffectedSOPClassUID), nil, scp.MissingAttribute},
		"SOP class of no context": {func(c *dimse.Command) { c.AffectedSOPClassUID = secondaryCapture }, nil, scp.SOPClassNotSupported},
		"unknown operation":       {func(c *dimse.Command) { c.Field = 0x0020 }, nil, scp.UnrecognizedOperation},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := serve(t, &backend{store: c.store})
			p := associate(t, addr)
			rq := storeRQ()
			if c.change != nil {
				c.change(rq)
			}
			p.SendPDU(commandPDU(t, rq, 1))
			p.SendPDU(dataPDU(false, "data "))
			p.SendPDU(dataPDU(true, "set"))
			rsp := expectResponse(t, p)
			if scp.Status(rsp.Status) != c.want || rsp.MessageIDBeingRespondedTo != 5 || rsp.Field != rq.Field.Response() {
				t.Errorf("got %+v, want status %v", rsp, c.want)
			}
			p.SendPDU(commandPDU(t, echoRQ(), 3))
			if rsp := expectResponse(t, p); rsp.Status != 0 || rsp.MessageIDBeingRespondedTo != 9 {
				t.Errorf("echo afterwards: got %+v", rsp)
			}
		})
	}
}

// TestCutOff: a data set that does not arrive whole never ends in io.EOF.
func TestCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		cut  func(*scptest.Peer)
		want error
	}{
		"connection closed":     {func(p *scptest.Peer) { _ = p.Conn.Close() }, io.ErrUnexpectedEOF},
		"connection reset":      {func(p *scptest.Peer) { _ = p.Conn.(*net.TCPConn).SetLinger(0); _ = p.Conn.Close() }, io.ErrUnexpectedEOF},
		"closed within a PDU":   {func(p *scptest.Peer) { p.Send([]byte{4, 0, 0, 0}); _ = p.Conn.Close() }, io.ErrUnexpectedEOF},
		"closed within a PDV":   {func(p *scptest.Peer) { p.SendHex("04 00 00000010 0000000c 01 02 aa"); _ = p.Conn.Close() }, io.ErrUnexpectedEOF},
		"A-ABORT":               {func(p *scptest.Peer) { p.SendPDU(&ul.Abort{}) }, scp.ErrAborted},
		"A-RELEASE":             {func(p *scptest.Peer) { p.SendPDU(&ul.Release{}) }, io.ErrUnexpectedEOF},
		"fragment of a command": {func(p *scptest.Peer) { p.SendHex("04 00 00000006 00000002 01 03") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			addr, _ := serve(t, &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				got <- err
				return err
			}})
			p := associate(t, addr)
			p.SendPDU(commandPDU(t, storeRQ(), 1))
			p.SendPDU(dataPDU(false, "half"))
			c.cut(p)
			if err := <-got; err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestPanicEndsOneAssociation(t *testing.T) {
	b := &backend{store: func(context.Context, scp.StoreRequest, io.Reader) error { panic(patientCan) }}
	addr, log := serve(t, b)
	p := associate(t, addr)
	p.SendPDU(commandPDU(t, storeRQ(), 1))
	p.SendPDU(dataPDU(true, patientCan))
	scptest.Expect[*ul.Abort](p)
	p.ExpectClosed()
	associate(t, addr)
	if strings.Contains(log.String(), patientCan) || !strings.Contains(log.String(), "panic") {
		t.Errorf("log must tell of the panic, not of its value:\n%s", log)
	}
}

// TestShutdown: a message under way is finished and answered.
func TestShutdown(t *testing.T) {
	storing, finish := make(chan struct{}), make(chan struct{})
	b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
		close(storing)
		<-finish
		_, err := io.Copy(io.Discard, r)
		return err
	}}
	s := &scp.Server{AETitles: []string{"XNET"}, Backend: b, Log: slog.New(slog.DiscardHandler),
		Contexts: []scp.SupportedContext{{AbstractSyntax: dxImage, TransferSyntaxes: []string{scp.ImplicitVRLittleEndian}}}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	p := associate(t, ln.Addr().String())
	p.SendPDU(commandPDU(t, storeRQ(), 1))
	p.SendPDU(dataPDU(true, "data"))
	<-storing
	stop()
	close(finish)
	if rsp := expectResponse(t, p); rsp.Status != 0 {
		t.Errorf("got status %04X, want success", rsp.Status)
	}
	scptest.Expect[*ul.Abort](p) // nothing more came within the grace
	if err := <-served; err != nil {
		t.Error(err)
	}
	if b.closed != 1 {
		t.Errorf("session closed %d times, want once", b.closed)
	}
}

func TestServeChecksConfiguration(t *testing.T) {
	for name, s := range map[string]*scp.Server{
		"no backend":    {AETitles: []string{"XNET"}},
		"long AE title": {Backend: &backend{}, AETitles: []string{strings.Repeat("X", 17)}},
		"no UID":        {Backend: &backend{}, AETitles: []string{"XNET"}, Contexts: []scp.SupportedContext{{AbstractSyntax: "image"}}},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), ln); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
