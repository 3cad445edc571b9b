package scp_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

func TestNegotiation(t *testing.T) {
	addr, _ := serve(t, &backend{})
	p := scptest.Dial(t, addr)
	p.SendPDU(request(
		ul.Context{ID: 1, AbstractSyntax: dxImage, TransferSyntaxes: []string{"1.2.3", uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian}},
		ul.Context{ID: 3, AbstractSyntax: dxImage, TransferSyntaxes: []string{"1.2.3"}},
		ul.Context{ID: 5, AbstractSyntax: "1.2.3", TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		ul.Context{ID: 255, AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
	))
	ac := scptest.Expect[*ul.Associate](p)
	want := map[byte]byte{1: ul.Acceptance, 3: ul.TransferSyntaxUnsupported, 5: ul.AbstractSyntaxUnsupported, 255: ul.Acceptance}
	for _, c := range ac.Contexts {
		if c.Result != want[c.ID] {
			t.Errorf("context %d: got result %d, want %d", c.ID, c.Result, want[c.ID])
		}
	}
	if len(ac.Contexts) != len(want) || ac.Contexts[0].TransferSyntaxes[0] != uid.ExplicitVRLittleEndian {
		t.Errorf("got contexts %+v, want 4, the first in the server's preferred transfer syntax", ac.Contexts)
	}
	if w := ac.User.Window; w == nil || *w != (ul.Window{Invoked: 1, Performed: 1}) {
		t.Errorf("got asynchronous window %v, want 1/1", w)
	}
	if ac.User.MaximumLength != scp.DefaultMaxPDULength || ac.User.ImplementationClassUID != uid.Implementation {
		t.Errorf("got user information %+v", ac.User)
	}
}

func TestRefusals(t *testing.T) {
	refuse := func(p scp.Peer) error {
		switch p.Calling {
		case "PACS":
			return nil
		case "CODELESS":
			return &scp.RejectError{Err: errors.New("codes left out")}
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
		"codes of no table":   {func(rq *ul.Associate) { rq.Calling = "CODELESS" }, ul.Reject{Result: 2, Source: 1, Reason: 1}},
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
	for _, want := range []string{"calling=STRANGER", "called=OTHER", "called AE title not recognised", "not a listed peer", "codes left out", "127.0.0.1:"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

func TestLimits(t *testing.T) {
	addr, _ := serve(t, &backend{}, func(s *scp.Server) { s.MaxAssociations = 2; s.MaxAssociationsPerPeer = 1 })
	for range 20 { // silent connections do not count
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

// TestBackendJudgesCalledAETitle: a server without AE titles leaves the check of the called one
// to the Backend. The peer gets the rejection that the Backend chose (PS3.8 Table 9-21); only
// the log has its reason.
func TestBackendJudgesCalledAETitle(t *testing.T) {
	const why = "no route is configured for this title"
	var asked []string
	judge := func(p scp.Peer) error {
		asked = append(asked, p.Called)
		if p.Called == "XNET" || p.Called == "XNET_CHEST" {
			return nil
		}
		rejected := scp.RejectCalledAETitle
		rejected.Err = errors.New(why)
		return fmt.Errorf("judge association: %w", &rejected)
	}
	addr, log := serve(t, &backend{admit: judge}, func(s *scp.Server) { s.AETitles = nil })
	for _, called := range []string{"XNET", "XNET_CHEST"} {
		p := scptest.Dial(t, addr)
		rq := request()
		rq.Called = called
		p.SendPDU(rq)
		scptest.Expect[*ul.Associate](p)
		p.SendPDU(&ul.Release{})
		scptest.Expect[*ul.Release](p)
	}
	p := scptest.Dial(t, addr)
	rq := request()
	rq.Called = "OTHER"
	p.SendPDU(rq)
	if got, want := scptest.Expect[*ul.Reject](p), (ul.Reject{Result: 1, Source: 1, Reason: 7}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	p.ExpectClosed()
	if want := []string{"XNET", "XNET_CHEST", "OTHER"}; !slices.Equal(asked, want) {
		t.Errorf("backend was asked for %q, want %q", asked, want)
	}
	for _, want := range []string{"association refused", "called=OTHER", "called AE title not recognised", why} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}
