package scp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/internal/dicomtls"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// identity is a self-signed certificate for 127.0.0.1, and configurations of both sides that
// trust only this certificate.
type identity struct {
	certificate, key []byte // PEM
	server, client   *tls.Config
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "loopback"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	id := identity{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}
	pair, err := tls.X509KeyPair(id.certificate, id.key)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(id.certificate)
	id.server = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: trusted, ClientAuth: tls.VerifyClientCertIfGiven}
	id.client = &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: trusted}
	return id
}

// files writes certificate and key to files for other programs.
func (id identity) files(t *testing.T) (certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certificate, id.certificate, 0o600), os.WriteFile(key, id.key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

var verification = scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}

// TestTLS: associations and large data sets use TLS in both directions, and the Backend gets
// the peer's certificate.
func TestTLS(t *testing.T) {
	id := newIdentity(t)
	seen := make(chan scp.Peer, 1)
	b := &backend{admit: func(p scp.Peer) error { seen <- p; return nil }}
	addr, _ := serveTLS(t, b, id)
	d := scp.Dialer{Calling: "PACS", TLS: id.client}
	c, err := d.Dial(t.Context(), scp.Addr{AETitle: "XNET", Host: addr}, verification,
		scp.Proposal{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	p := wait(t, seen)
	if p.TLS == nil || !p.TLS.HandshakeComplete || len(p.TLS.PeerCertificates) != 1 || p.TLS.PeerCertificates[0].Subject.CommonName != "loopback" {
		t.Errorf("backend was told of TLS state %+v", p.TLS)
	}
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	req := scp.StoreRequest{SOPClassUID: dxImage, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if status, err := c.Store(t.Context(), req, bytes.NewReader(data)); status != scp.Success || err != nil {
		t.Fatalf("store: %v, %v", status, err)
	}
	if _, got := b.last(); !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived that differ from the %d sent", len(got), len(data))
	}
	if err := errors.Join(c.Echo(t.Context()), c.Release(t.Context())); err != nil {
		t.Error(err)
	}
}

func serveTLS(t *testing.T, b scp.Backend, id identity) (addr string, log *syncBuffer) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, dicomtls.NewListener(ln, id.server), b)
}

// TestTLSRefused: neither side accepts a peer that it does not trust or that uses no TLS.
func TestTLSRefused(t *testing.T) {
	id := newIdentity(t)
	secure, log := serveTLS(t, &backend{}, id)
	plain, _ := serve(t, &backend{})
	stranger := id.client.Clone()
	stranger.RootCAs = x509.NewCertPool()
	var unknown x509.UnknownAuthorityError
	for name, c := range map[string]struct {
		config *tls.Config
		addr   string
		want   any // for errors.As, nil for any error
	}{
		"unknown authority": {stranger, secure, &unknown},
		"plain to TLS":      {nil, secure, nil},
		"TLS to plain":      {id.client, plain, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := scp.Dialer{Calling: "PACS", TLS: c.config}
			client, err := d.Dial(t.Context(), scp.Addr{AETitle: "XNET", Host: c.addr}, verification)
			if err == nil {
				client.Abort()
				t.Fatal("want an error")
			}
			if c.want != nil && !errors.As(err, c.want) {
				t.Errorf("got %v, want %T", err, c.want)
			}
		})
	}
	if c, err := (&scp.Dialer{Calling: "PACS", TLS: id.client}).Dial(t.Context(), scp.Addr{AETitle: "XNET", Host: secure}, verification); err != nil {
		t.Errorf("afterwards: %v", err)
	} else {
		c.Abort()
	}
	if !strings.Contains(log.String(), "first record does not look like a TLS handshake") {
		t.Errorf("log does not say that the peer came without TLS:\n%s", log)
	}
	if strings.Contains(log.String(), "connection lost") {
		t.Errorf("log calls a failed handshake a lost connection:\n%s", log)
	}
}

// TestMuteTLSHandshake: a peer that stops within the TLS handshake, by not reading or not
// sending, is disconnected after the association timeout. It delays no other peer.
func TestMuteTLSHandshake(t *testing.T) {
	id := newIdentity(t)
	hello := clientHello(t, id.client)
	for name, c := range map[string]struct {
		begin []byte
		reads bool
	}{
		"silent":                   {nil, true},
		"half a ClientHello":       {hello[:len(hello)/2], true},
		"ClientHello, then silent": {hello, true},
		"does not read the answer": {hello, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pipes := &pipeListener{make(chan net.Conn), make(chan struct{})}
				s := &scp.Server{AETitles: []string{"XNET"}, Backend: &backend{}, Log: slog.New(slog.DiscardHandler), AssociationTimeout: 25 * time.Second}
				done := make(chan error)
				go func() { done <- s.Serve(t.Context(), dicomtls.NewListener(pipes, id.server)) }()
				here, there := net.Pipe()
				closed := &noticed{there, make(chan struct{})}
				begun := time.Now()
				pipes.conns <- closed
				if _, err := here.Write(c.begin); err != nil {
					t.Fatal(err)
				}
				if c.reads {
					go func() { _, _ = io.Copy(io.Discard, here) }()
				}
				<-closed.done
				if took := time.Since(begun); took != 25*time.Second {
					t.Errorf("connection closed after %v, want 25s", took)
				}
				_ = here.Close()
				_ = pipes.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDialMuteTLS: if a server accepts the connection but does not perform the TLS handshake,
// Dial returns after DialTimeout.
func TestDialMuteTLS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, but nothing answers
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := scp.Dialer{Calling: "PACS", TLS: newIdentity(t).client, DialTimeout: 50 * time.Millisecond}
	_, err = d.Dial(ctx, scp.Addr{AETitle: "XNET", Host: ln.Addr().String()}, verification)
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("got %v, want the end of DialTimeout", err)
	}
}

// noticed is a connection that reports when it is closed.
type noticed struct {
	net.Conn
	done chan struct{}
}

func (n *noticed) Close() error {
	select {
	case <-n.done:
	default:
		close(n.done)
	}
	return n.Conn.Close()
}

// clientHello records what a TLS client sends first.
func clientHello(t *testing.T, config *tls.Config) []byte {
	t.Helper()
	here, there := net.Pipe()
	named := config.Clone()
	named.ServerName = "127.0.0.1"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { _ = tls.Client(here, named).HandshakeContext(ctx) }()
	defer here.Close()
	b := make([]byte, 16<<10)
	_ = there.SetReadDeadline(time.Now().Add(patience))
	n, err := there.Read(b) // a pipe passes each write completely
	if err != nil || n < 100 {
		t.Fatalf("recorded %d bytes of a ClientHello: %v", n, err)
	}
	return b[:n]
}
