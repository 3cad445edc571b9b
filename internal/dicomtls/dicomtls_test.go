package dicomtls

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site creates a CA and certificates. load loads the identity of one of them.
func site(t *testing.T, names ...string) (dir string, load func(name string) *Identity) {
	t.Helper()
	dir = t.TempDir()
	if err := Init(dir, names...); err != nil {
		t.Fatal(err)
	}
	return dir, func(name string) *Identity {
		t.Helper()
		f := Files{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"), filepath.Join(dir, "ca.crt"), ""}
		if _, err := os.Stat(filepath.Join(dir, "ca.crl")); err == nil {
			f.Revoked = filepath.Join(dir, "ca.crl")
		}
		id, err := Load(f)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

// patience is the timeout of a handshake.
const patience = 10 * time.Second

// handshake connects a client to a server.
func handshake(server, client *tls.Config) (serverErr, clientErr error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err, err
	}
	defer ln.Close()
	b, err := net.DialTimeout("tcp", ln.Addr().String(), patience)
	if err != nil {
		return err, err
	}
	a, err := ln.Accept()
	if err != nil {
		return err, err
	}
	_, _ = a.SetDeadline(time.Now().Add(patience)), b.SetDeadline(time.Now().Add(patience))
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		_ = a.Close()
		done <- err
	}()
	c := tls.Client(b, client)
	clientErr = c.Handshake()
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1)) // in TLS 1.3 the server checks the client after the client's handshake has returned
	}
	_ = b.Close()
	return <-done, clientErr
}

func nobody(string) bool { return false }

// TestMutual: each side accepts the other by name or fingerprint, and nobody else.
func TestMutual(t *testing.T) {
	_, load := site(t, "node", "pacs", "other")
	node, pacs, other := load("node"), load("pacs"), load("other")
	if s, c := handshake(node.Server(nobody), pacs.Client(Binding{Name: "node"})); s != nil || c != nil {
		t.Errorf("by name: server %v, client %v", s, c)
	}
	if s, c := handshake(node.Server(nobody), pacs.Client(Binding{Fingerprints: []string{Fingerprint(node.certificate.Leaf)}})); s != nil || c != nil {
		t.Errorf("by fingerprint: server %v, client %v", s, c)
	}
	for name, b := range map[string]Binding{"other name": {Name: "pacs"}, "other fingerprint": {Fingerprints: []string{Fingerprint(other.certificate.Leaf)}}} {
		if _, c := handshake(node.Server(nobody), pacs.Client(b)); c == nil {
			t.Errorf("%s: the client believes the server", name)
		}
	}
	if err := node.Check(Binding{Name: "pacs"}, []*x509.Certificate{other.certificate.Leaf}); err == nil || !strings.Contains(err.Error(), "not that of pacs") {
		t.Errorf("certificate of another peer: got %v", err)
	}
	naked := node.config()
	naked.Certificates, naked.InsecureSkipVerify = nil, true
	if s, _ := handshake(node.Server(nobody), naked); s == nil {
		t.Error("the server takes a client without certificate")
	}
	old := pacs.Client(Binding{Name: "node"})
	old.MinVersion, old.MaxVersion, old.CipherSuites = tls.VersionTLS10, tls.VersionTLS11, nil
	if s, _ := handshake(node.Server(nobody), old); s == nil {
		t.Error("the server speaks TLS 1.1")
	}
}

// TestSelfSigned: a certificate without a CA is accepted by its fingerprint only.
func TestSelfSigned(t *testing.T) {
	_, load := site(t, "node")
	_, foreign := site(t, "pacs")
	node, pacs := load("node"), foreign("pacs")
	s, _ := handshake(node.Server(nobody), pacs.Client(Binding{Fingerprints: []string{Fingerprint(node.certificate.Leaf)}}))
	if s == nil || !strings.Contains(s.Error(), "not signed by the CA") {
		t.Errorf("unknown: got %v", s)
	}
	known := func(f string) bool { return f == Fingerprint(pacs.certificate.Leaf) }
	if s, c := handshake(node.Server(known), pacs.Client(Binding{Fingerprints: []string{Fingerprint(node.certificate.Leaf)}})); s != nil || c != nil {
		t.Errorf("known: server %v, client %v", s, c)
	}
}

// TestTime: no certificate is accepted outside its validity period, even by fingerprint.
func TestTime(t *testing.T) {
	_, load := site(t, "node", "pacs")
	node, pacs := load("node"), load("pacs").certificate.Leaf
	for when, want := range map[time.Duration]string{certificateTime + time.Hour: "expired on", -48 * time.Hour: "valid from"} {
		node.now = func() time.Time { return time.Now().Add(when) }
		for _, b := range []Binding{{Name: "pacs"}, {Fingerprints: []string{Fingerprint(pacs)}}} {
			if err := node.Check(b, []*x509.Certificate{pacs}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: got %v, want %q", b, err, want)
			}
		}
	}
	node.now = func() time.Time { return time.Now().Add(certificateTime - 29*24*time.Hour) }
	if w := node.Warnings(); len(w) != 1 || !strings.Contains(w[0], "expires on") {
		t.Errorf("29 days before the end: %v", w)
	}
	node.now = func() time.Time { return time.Now().Add(certificateTime + time.Hour) }
	if w := node.Warnings(); len(w) != 1 || !strings.Contains(w[0], "the node's certificate expired on") {
		t.Errorf("after the end: %v", w)
	}
	node.now = func() time.Time { return time.Now().Add(authorityTime - time.Hour) }
	if w := node.Warnings(); len(w) != 2 || !strings.Contains(w[1], "the certificate of the CA") {
		t.Errorf("the CA at its end: %v", w)
	}
	node.now = time.Now
	if w := node.Warnings(); len(w) != 0 {
		t.Errorf("a new certificate: %v", w)
	}
}

// revoke writes a revocation list with the certificate, signed by the CA in dir.
func revoke(t *testing.T, dir, signer string, c *x509.Certificate) {
	t.Helper()
	ca, key, err := authorityIn(signer)
	if err != nil {
		t.Fatal(err)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: c.SerialNumber, RevocationTime: time.Now()}}}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca, (*ecdsa.PrivateKey)(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crl"), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRevoked(t *testing.T) {
	dir, load := site(t, "node", "pacs", "other")
	pacs, other := load("pacs").certificate.Leaf, load("other").certificate.Leaf
	revoke(t, dir, dir, pacs)
	node := load("node")
	for _, b := range []Binding{{Name: "pacs"}, {Fingerprints: []string{Fingerprint(pacs)}}} {
		if err := node.Check(b, []*x509.Certificate{pacs}); err == nil || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("%v: got %v", b, err)
		}
	}
	if err := node.Check(Binding{Name: "other"}, []*x509.Certificate{other}); err != nil {
		t.Errorf("one that is not named: %v", err)
	}
	foreign, _ := site(t, "node")
	revoke(t, dir, foreign, pacs)
	if _, err := Load(Files{filepath.Join(dir, "node.crt"), filepath.Join(dir, "node.key"), filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.crl")}); err == nil || !strings.Contains(err.Error(), "no certificate of the CA has signed it") {
		t.Errorf("a list of another CA: got %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir, _ := site(t, "node", "pacs")
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Chmod(at("pacs.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]Files{
		"chmod 600":      {at("pacs.crt"), at("pacs.key"), "", ""},
		"private key":    {at("pacs.crt"), at("node.key"), "", ""},
		"no certificate": {at("node.crt"), at("node.key"), at("node.key"), ""},
		"no such file":   {at("none.crt"), at("node.key"), "", ""},
	} {
		if _, err := Load(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", f, err, want)
		}
	}
	if err := Init(dir, "node"); !errors.Is(err, os.ErrExist) {
		t.Errorf("a key that exists: got %v, want it kept", err)
	}
}

func TestCanonicalFingerprint(t *testing.T) {
	const plain = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const want = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"
	for _, s := range []string{plain, want, "SHA256:" + plain, strings.ToLower(want)} {
		if got, ok := CanonicalFingerprint(s); got != want || !ok {
			t.Errorf("%s: got %s, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", plain[1:], plain[:62] + "xy"} {
		if _, ok := CanonicalFingerprint(s); ok {
			t.Errorf("%q: taken", s)
		}
	}
}
