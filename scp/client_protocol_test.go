package scp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// onPeer runs use with an association to a peer that the test controls; the channel gets its
// error.
func onPeer(t *testing.T, use func(context.Context, *scp.Client) error) (*scptest.Peer, <-chan error) {
	t.Helper()
	d := scp.Dialer{Calling: "XNET", ResponseTimeout: patience, AssociationTimeout: patience}
	return dialed(t, d, use, scp.Proposal{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}, verification)
}

// dialed is onPeer with a given Dialer and proposals.
func dialed(t *testing.T, d scp.Dialer, use func(context.Context, *scp.Client) error, proposals ...scp.Proposal) (*scptest.Peer, <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() {
		c, err := d.Dial(ctx, scp.Addr{AETitle: "PACS", Host: ln.Addr().String()}, proposals...)
		if err == nil {
			err = use(ctx, c)
			c.Abort()
		}
		done <- err
	}()
	_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return scptest.New(t, nc), done
}

// acceptance is an A-ASSOCIATE-AC to the request that onPeer makes.
func acceptance() *ul.Associate {
	ac := request(
		ul.Context{ID: 1, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		ul.Context{ID: 3, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
	)
	ac.Accept, ac.User.Window = true, nil
	return ac
}

func storeOne(ctx context.Context, c *scp.Client) error {
	req := scp.StoreRequest{SOPClassUID: dxImage, SOPInstanceUID: instance, TransferSyntaxUID: uid.ImplicitVRLittleEndian}
	status, err := c.Store(ctx, req, strings.NewReader("data"))
	if err == nil && status != scp.Success {
		return &scp.StatusError{Status: status}
	}
	return err
}

// ending is how the client ends the association: with an A-ABORT as service provider, if the
// peer violated the protocol, or as service user, when it is done; or the peer has ended it.
type ending int

const (
	gone ending = iota
	byUser
	byProvider
)

// expect also closes the connection.
func (e ending) expect(t *testing.T, p *scptest.Peer) {
	t.Helper()
	if e == gone {
		return
	}
	sources := map[ending]byte{byUser: ul.SourceUser, byProvider: ul.SourceProvider}
	if abort := scptest.Expect[*ul.Abort](p); abort.Source != sources[e] {
		t.Errorf("got A-ABORT of source %d, want %d", abort.Source, sources[e])
	}
	_ = p.Conn.Close()
}

func storeRSP() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CStoreRSP, MessageIDBeingRespondedTo: 1, DataSetType: dimse.NoDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement,
	}
}

// TestStoreResponses: only the response to the request counts, and only status 0000 means
// success.
func TestStoreResponses(t *testing.T) {
	status := func(s scp.Status) func(error) bool {
		return func(err error) bool {
			var failed *scp.StatusError
			return errors.As(err, &failed) && failed.Status == s
		}
	}
	violation := func(err error) bool {
		var broken *ul.ProtocolError
		return errors.As(err, &broken)
	}
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	rsp := func(change func(*dimse.Command), context byte) func(*testing.T, *scptest.Peer) {
		return func(t *testing.T, p *scptest.Peer) {
			c := storeRSP()
			change(c)
			p.SendPDU(commandPDU(t, c, context))
		}
	}
	for name, c := range map[string]struct {
		answer func(*testing.T, *scptest.Peer)
		want   func(error) bool
		end    ending
	}{
		"success":          {rsp(func(*dimse.Command) {}, 1), is(nil), byUser},
		"out of resources": {rsp(func(c *dimse.Command) { c.Status = 0xA700 }, 1), status(scp.OutOfResources), byUser},
		"pending":          {rsp(func(c *dimse.Command) { c.Status = 0xFF00 }, 1), status(0xFF00), byUser},
		"comment with backslash": {rsp(func(c *dimse.Command) {
			c.Status, c.ErrorComment, c.Present = 0xC001, `D:\x`, c.Present|dimse.ErrorComment
		}, 1), func(err error) bool {
			var failed *scp.StatusError
			return errors.As(err, &failed) && failed.Status == 0xC001 && failed.Comment == "D:?x"
		}, byUser},
		"other message ID":   {rsp(func(c *dimse.Command) { c.MessageIDBeingRespondedTo = 2 }, 1), is(nil), byUser},
		"data set announced": {rsp(func(c *dimse.Command) { c.DataSetType = dimse.HasDataset }, 1), is(nil), byUser},
		"other presentation": {rsp(func(*dimse.Command) {}, 3), violation, byProvider},
		"response of C-ECHO": {rsp(func(c *dimse.Command) { c.Field = dimse.CEchoRSP }, 1), violation, byProvider},
		"without status":     {rsp(func(c *dimse.Command) { c.Present &^= dimse.StatusElement }, 1), violation, byProvider},
		"request meanwhile": {func(t *testing.T, p *scptest.Peer) {
			p.SendPDU(commandPDU(t, echoRQ(), 3))
			if refusal := expectResponse(t, p); refusal.Status != uint16(scp.UnrecognizedOperation) {
				t.Errorf("request of the acceptor: got status %04X, want 0211", refusal.Status)
			}
			p.SendPDU(commandPDU(t, storeRSP(), 1))
		}, is(nil), byUser},
		"data set alone":           {func(_ *testing.T, p *scptest.Peer) { p.SendPDU(dataPDU(true, "data")) }, violation, byProvider},
		"A-ASSOCIATE-AC":           {func(_ *testing.T, p *scptest.Peer) { p.SendPDU(acceptance()) }, violation, byProvider},
		"A-ABORT":                  {func(_ *testing.T, p *scptest.Peer) { p.SendPDU(&ul.Abort{}) }, is(scp.ErrAborted), gone},
		"closed":                   {func(_ *testing.T, p *scptest.Peer) { _ = p.Conn.Close() }, is(io.ErrUnexpectedEOF), gone},
		"closed within the header": {func(_ *testing.T, p *scptest.Peer) { p.Send([]byte{4, 0, 0}); _ = p.Conn.Close() }, is(io.ErrUnexpectedEOF), gone},
	} {
		t.Run(name, func(t *testing.T) {
			p, done := onPeer(t, storeOne)
			scptest.Expect[*ul.Associate](p)
			p.SendPDU(acceptance())
			for range 2 { // command, data set
				scptest.Expect[*ul.PData](p)
			}
			c.answer(t, p)
			c.end.expect(t, p)
			if err := wait(t, done); !c.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestReleasedByAcceptor: an acceptor that releases instead of responding gets an answer, and
// the store fails.
func TestReleasedByAcceptor(t *testing.T) {
	p, done := onPeer(t, storeOne)
	scptest.Expect[*ul.Associate](p)
	p.SendPDU(acceptance())
	for range 2 {
		scptest.Expect[*ul.PData](p)
	}
	p.SendPDU(&ul.Release{})
	if rp := scptest.Expect[*ul.Release](p); !rp.Response {
		t.Error("A-RELEASE-RQ was answered by another")
	}
	if err := wait(t, done); !errors.Is(err, scp.ErrReleased) {
		t.Errorf("got %v, want %v", err, scp.ErrReleased)
	}
}

// TestAnswersToRequest: an invalid answer to an A-ASSOCIATE-RQ ends in an A-ABORT; a rejection
// is reported.
func TestAnswersToRequest(t *testing.T) {
	ac := func(change func(*ul.Associate)) ul.PDU {
		a := acceptance()
		change(a)
		return a
	}
	for name, c := range map[string]struct {
		answer ul.PDU
		end    ending
		want   string // in the error; empty for none
	}{
		"accepted":                     {ac(func(*ul.Associate) {}), byUser, ""},
		"other AE titles":              {ac(func(a *ul.Associate) { a.Called, a.Calling = "X", "Y" }), byUser, ""},
		"one context refused":          {ac(func(a *ul.Associate) { a.Contexts[1] = ul.Context{ID: 3, Result: 1} }), byUser, ""},
		"one context not answered":     {ac(func(a *ul.Associate) { a.Contexts = a.Contexts[:1] }), byUser, ""},
		"context not proposed":         {ac(func(a *ul.Associate) { a.Contexts[1].ID = 5 }), byProvider, "not proposed"},
		"context answered twice":       {ac(func(a *ul.Associate) { a.Contexts[1].ID = 1 }), byProvider, "used twice"},
		"even context":                 {ac(func(a *ul.Associate) { a.Contexts[1].ID = 2 }), byProvider, "even"},
		"transfer syntax not proposed": {ac(func(a *ul.Associate) { a.Contexts[0].TransferSyntaxes[0] = rle }), byUser, ""}, // that context is not used
		"two transfer syntaxes":        {ac(func(a *ul.Associate) { a.Contexts[0].TransferSyntaxes = []string{uid.ImplicitVRLittleEndian, rle} }), byProvider, "with 2 transfer syntaxes"},
		"maximum length of 6":          {ac(func(a *ul.Associate) { a.User.MaximumLength = 6 }), byProvider, "no room for data"},
		"request":                      {request(), byProvider, "unexpected A-ASSOCIATE-RQ"},
		"data":                         {dataPDU(true, "data"), byProvider, "unexpected P-DATA-TF"},
		"A-RELEASE-RQ":                 {&ul.Release{}, byProvider, "unexpected A-RELEASE-RQ"},
		"rejected":                     {&ul.Reject{Result: 1, Source: 1, Reason: 7}, gone, "called AE title not recognised"},
		"rejected by unknown codes":    {&ul.Reject{Result: 7, Source: 8, Reason: 9}, gone, "(code 7) (code 8): (code 9)"},
		"aborted":                      {&ul.Abort{Source: ul.SourceProvider, Reason: 1}, gone, "aborted by the peer's protocol layer, unrecognized PDU"},
	} {
		t.Run(name, func(t *testing.T) {
			p, done := onPeer(t, func(context.Context, *scp.Client) error { return nil })
			scptest.Expect[*ul.Associate](p)
			p.SendPDU(c.answer)
			c.end.expect(t, p)
			switch err := wait(t, done); {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want an association", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestOtherTransferSyntax: a context that was accepted in a transfer syntax that was not
// proposed is not used; the others are.
func TestOtherTransferSyntax(t *testing.T) {
	p, done := onPeer(t, func(_ context.Context, c *scp.Client) error {
		if refused := c.Refused(dxImage, uid.ImplicitVRLittleEndian); refused == nil || refused.Transient() {
			t.Errorf("refusal of the odd context: %v", refused)
		}
		if !c.Accepted(uid.Verification, uid.ImplicitVRLittleEndian) {
			t.Error("the other context is not accepted")
		}
		return nil
	})
	scptest.Expect[*ul.Associate](p)
	ac := acceptance()
	ac.Contexts[0].TransferSyntaxes[0] = rle
	p.SendPDU(ac)
	byUser.expect(t, p)
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}

// TestWaiting: the client detects that the peer has ended the association, or requests its
// release, before it sends anything.
func TestWaiting(t *testing.T) {
	for name, end := range map[string]func(*scptest.Peer){
		"A-RELEASE-RQ": func(p *scptest.Peer) { p.SendPDU(&ul.Release{}) },
		"A-ABORT":      func(p *scptest.Peer) { p.SendPDU(&ul.Abort{}) },
		"closed":       func(p *scptest.Peer) { _ = p.Conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			p, done := onPeer(t, func(ctx context.Context, c *scp.Client) error {
				if err := storeOne(ctx, c); err != nil {
					return err
				}
				if !c.Waiting() {
					t.Error("the association is taken for one that has ended")
				}
				ended <- struct{}{}
				<-ended
				for c.Waiting() {
					if ctx.Err() != nil {
						return errors.New("the end of the association is not noticed")
					}
				}
				return nil
			})
			scptest.Expect[*ul.Associate](p)
			p.SendPDU(acceptance())
			for range 2 {
				scptest.Expect[*ul.PData](p)
			}
			p.SendPDU(commandPDU(t, storeRSP(), 1))
			<-ended
			end(p)
			ended <- struct{}{}
			if err := wait(t, done); err != nil {
				t.Error(err)
			}
			_ = p.Conn.Close()
		})
	}
}
