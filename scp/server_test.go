package scp_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

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

// TestShutdown: a message in progress is completed and answered.
func TestShutdown(t *testing.T) {
	storing, finish := make(chan struct{}), make(chan struct{})
	b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
		close(storing)
		<-finish
		_, err := io.Copy(io.Discard, r)
		return err
	}}
	s := &scp.Server{AETitles: []string{"XNET"}, Backend: b, Log: slog.New(slog.DiscardHandler),
		Contexts: []scp.SupportedContext{{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	p := associate(t, ln.Addr().String())
	p.SendPDU(commandPDU(t, storeRQ(), 1))
	p.SendPDU(dataPDU(true, "data"))
	wait(t, storing)
	stop()
	close(finish)
	if rsp := expectResponse(t, p); rsp.Status != 0 {
		t.Errorf("got status %04X, want success", rsp.Status)
	}
	scptest.Expect[*ul.Abort](p) // no further message within the grace period
	if err := wait(t, served); err != nil {
		t.Error(err)
	}
	if b.closed != 1 {
		t.Errorf("session closed %d times, want once", b.closed)
	}
}

// TestServeChecksConfiguration calls Serve with a context that has ended, so that Serve returns
// even if it accepts a wrong configuration.
func TestServeChecksConfiguration(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, s := range map[string]*scp.Server{
		"no backend":    {AETitles: []string{"XNET"}},
		"long AE title": {Backend: &backend{}, AETitles: []string{strings.Repeat("X", 17)}},
		"tiny PDUs":     {Backend: &backend{}, AETitles: []string{"XNET"}, MaxPDULength: 7},
		"no UID":        {Backend: &backend{}, AETitles: []string{"XNET"}, Contexts: []scp.SupportedContext{{AbstractSyntax: "image"}}},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(ended, ln); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
