package scp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// TestStoreLog: an instance that is answered with a warning is stored (PS3.7 C.3) and logged as
// a warning; only a failure is logged as an error.
func TestStoreLog(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"coercion":           {&scp.StatusError{Status: scp.CoercionOfDataElements}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"elements discarded": {&scp.StatusError{Status: scp.ElementsDiscarded}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"mismatch":           {&scp.StatusError{Status: scp.DataSetMismatchWarning}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"refused":            {&scp.StatusError{Status: scp.OutOfResources}, []string{`level=ERROR msg="instance not stored"`, "stored=0"}},
		"any other error":    {errors.New("disk"), []string{`level=ERROR msg="instance not stored"`, "stored=0"}},
		"stored":             {nil, []string{"stored=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{ended: make(chan struct{}), store: func(context.Context, scp.StoreRequest, io.Reader) error { return c.err }}
			addr, log := serve(t, b)
			p := associate(t, addr)
			p.SendPDU(commandPDU(t, storeRQ(), 1))
			p.SendPDU(dataPDU(true, "data"))
			rsp := expectResponse(t, p)
			var status *scp.StatusError
			if errors.As(c.err, &status) && scp.Status(rsp.Status) != status.Status {
				t.Errorf("got status %v, want %v", scp.Status(rsp.Status), status.Status)
			}
			p.SendPDU(&ul.Release{})
			scptest.Expect[*ul.Release](p)
			wait(t, b.ended) // the log of the association is complete
			got := log.String()
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("log lacks %q:\n%s", want, got)
				}
			}
			if c.err == nil && strings.Contains(got, "level=WARN") {
				t.Errorf("log warns of an instance stored without warning:\n%s", got)
			}
		})
	}
}

// TestStoreStatus: all ways in which a C-STORE can fail and their statuses; the association
// continues.
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
			t.Parallel()
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

// TestCutOff: an incomplete data set never ends with io.EOF.
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
			t.Parallel()
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
			if err := wait(t, got); err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
