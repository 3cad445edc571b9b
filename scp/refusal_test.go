package scp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// told is a backend that is told what was refused without it.
type told struct {
	*backend
	refused chan refusal
}

type refusal struct {
	peer scp.Peer
	err  error
	req  scp.StoreRequest // of a C-STORE
	data []byte
}

var (
	_ scp.RefusalBackend      = told{}
	_ scp.StoreRefusalSession = told{}
)

func newTold() told { return told{&backend{}, make(chan refusal, 10)} }

func (b told) NewSession(ctx context.Context, p scp.Peer) (scp.Session, error) {
	_, err := b.backend.NewSession(ctx, p)
	return b, err
}

func (b told) Refused(p scp.Peer, err error) { b.refused <- refusal{peer: p, err: err} }

func (b told) StoreRefused(req scp.StoreRequest, failure *scp.StatusError, r io.Reader) {
	heard := refusal{err: failure, req: req}
	if r != nil {
		heard.data, _ = io.ReadAll(r)
	}
	b.refused <- heard
}

// TestToldOfHandshakes: the Backend is told of a handshake that fails by what is shown in it,
// once, and not of a connection that only ends.
func TestToldOfHandshakes(t *testing.T) {
	id, foreign := newIdentity(t), newIdentity(t)
	wary := id.client.Clone()
	wary.RootCAs = x509.NewCertPool()
	hello := clientHello(t, id.client)
	shake := func(c *tls.Config) func(net.Conn) {
		return func(nc net.Conn) {
			c = c.Clone()
			c.ServerName = "127.0.0.1"
			secure := tls.Client(nc, c)
			if secure.Handshake() == nil {
				_, _ = secure.Read(make([]byte, 1)) // a client of TLS 1.3 hears afterwards what the server says to its certificate
			}
		}
	}
	stranger := id.client.Clone()
	stranger.Certificates = foreign.client.Certificates
	for name, c := range map[string]struct {
		peer func(net.Conn)
		want string // in the error, "" if the Backend is not told
	}{
		"foreign certificate": {shake(stranger), "certificate signed by unknown authority"},
		"wary peer":           {shake(wary), "the peer does not take our certificate"},
		"plain DICOM": {func(nc net.Conn) {
			b, _ := ul.Encode(request())
			_, _ = nc.Write(b)
			_, _ = nc.Read(make([]byte, 100))
		}, "the peer does not use TLS here"},
		"nothing":            {func(net.Conn) {}, ""},
		"half a ClientHello": {func(nc net.Conn) { _, _ = nc.Write(hello[:len(hello)/2]) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTold()
			t.Run("until all connections have ended", func(t *testing.T) {
				addr, _ := serveTLS(t, b, id)
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				c.peer(nc)
			})
			close(b.refused)
			heard := collected(b.refused)
			switch {
			case c.want == "" && len(heard) > 0 || c.want != "" && len(heard) != 1:
				t.Errorf("told %d times: %v", len(heard), heard)
			case c.want != "" && (!strings.Contains(heard[0].err.Error(), c.want) || heard[0].peer.Calling != "" || !heard[0].peer.Remote.IsValid()):
				t.Errorf("told of %+v, want %q", heard[0], c.want)
			}
		})
	}
}

func collected(c <-chan refusal) (all []refusal) {
	for r := range c {
		all = append(all, r)
	}
	return all
}

// TestToldOfRequests: the Backend is told of requests that the Server rejects itself, and not of
// those that it rejects.
func TestToldOfRequests(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*ul.Associate)
		told      bool
		transient bool
	}{
		"application context": {func(rq *ul.Associate) { rq.ApplicationContext = "1.2.3" }, true, false},
		"called":              {func(rq *ul.Associate) { rq.Called = "NOBODY" }, true, false},
		"limit":               {func(*ul.Associate) {}, true, true},
		"backend":             {func(rq *ul.Associate) { rq.Calling = "STRANGER" }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTold()
			b.admit = func(p scp.Peer) error {
				if p.Calling == "STRANGER" {
					return &scp.RejectCallingAETitle
				}
				return nil
			}
			addr, _ := serve(t, b, func(s *scp.Server) { s.MaxAssociationsPerPeer = 1 })
			if name == "limit" {
				associate(t, addr)
			}
			rq := request()
			c.change(rq)
			p := scptest.Dial(t, addr)
			p.SendPDU(rq)
			scptest.Expect[*ul.Reject](p) // sent behind the call
			if !c.told {
				if len(b.refused) > 0 {
					t.Errorf("told of its own rejection: %+v", <-b.refused)
				}
				return
			}
			heard := wait(t, b.refused)
			var rejected *scp.RejectError
			if !errors.As(heard.err, &rejected) || rejected.Transient() != c.transient || heard.peer.Calling != rq.Calling {
				t.Errorf("told of %+v", heard)
			}
		})
	}
}

// TestToldOfStores: the session is told of C-STORE requests that are refused for their command,
// and may read the data set.
func TestToldOfStores(t *testing.T) {
	b := newTold()
	addr, _ := serve(t, b)
	p := associate(t, addr)
	rq := storeRQ()
	rq.Present &^= dimse.AffectedSOPInstanceUID
	rq.AffectedSOPInstanceUID = ""
	for range 2 { // the association goes on
		p.SendPDU(commandPDU(t, rq, 1))
		p.SendPDU(dataPDU(false, "da"))
		p.SendPDU(dataPDU(true, "ta"))
		if rsp := expectResponse(t, p); rsp.Status != uint16(scp.MissingAttribute) {
			t.Errorf("status %04X", rsp.Status)
		}
		heard := wait(t, b.refused)
		if !errors.As(heard.err, new(*scp.StatusError)) || heard.req.SOPClassUID != dxImage || !slices.Equal(heard.data, []byte("data")) {
			t.Errorf("told of %+v", heard)
		}
	}
}
