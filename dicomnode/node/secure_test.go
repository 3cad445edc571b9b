package node

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/dicomtls"
	"dicomnode/scp"
)

// secured is a node with a certificate that only admits; peers are its peers.
func secured(t *testing.T, dir, peers string) *Node {
	t.Helper()
	n := admitting(nil, fmt.Sprintf("tls: {certificate: %[1]s/node.crt, key: %[1]s/node.key, ca: %[1]s/ca.crt}\npeers:\n%[2]s", dir, peers))
	id, err := scu.Identity(n.config.Load().TLS)
	if err != nil {
		t.Fatal(err)
	}
	n.identity.Store(id)
	n.log = slog.New(slog.DiscardHandler)
	keeping, _ := keeper(t, configs.Retention{})
	n.archive = keeping.archive
	return n
}

func certificates(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := dicomtls.Init(dir, append([]string{"node"}, names...)...); err != nil {
		t.Fatal(err)
	}
	return dir
}

func certificate(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPeersProveThemselves: AE title and address are not enough where a peer has a
// certificate, nor is a certificate without them.
func TestPeersProveThemselves(t *testing.T) {
	dir := certificates(t, "dx1", "dx2")
	dx1, dx2 := certificate(t, dir, "dx1"), certificate(t, dir, "dx2")
	byName := "  - {name: dx1, ae_title: DX1, address: 10.1.2.3, tls: {name: dx1}}\n"
	byPrint := fmt.Sprintf("  - {name: dx1, ae_title: DX1, address: 10.1.2.3, tls: {fingerprints: [%q, %q]}}\n",
		strings.Repeat("00", 32), strings.ToLower(dicomtls.Fingerprint(dx1)))
	for _, c := range []struct {
		name, peers, calling string
		shown                *x509.Certificate // nil: in plain text
		want                 string            // "" for admitted
	}{
		{"by name", byName, "DX1", dx1, ""},
		{"by fingerprint, while it is renewed", byPrint, "DX1", dx1, ""},
		{"another peer's certificate", byName, "DX1", dx2, "not that of dx1"},
		{"another fingerprint", byPrint, "DX1", dx2, "not one of the peer's"},
		{"plain text", byName, "DX1", nil, "connected without TLS"},
		{"plain text, allowed", "  - {name: dx1, ae_title: DX1, address: 10.1.2.3, tls: {name: dx1, plain: true}}\n", "DX1", nil, ""},
		{"certificate, another AE title", byName, "DX2", dx1, "no peer has AE title"},
		{"certificate, another address", "  - {name: dx1, ae_title: DX1, address: 10.9.9.9, tls: {name: dx1}}\n", "DX1", dx1, "its address is 10.9.9.9"},
	} {
		p := calledBy(c.calling)
		if c.shown != nil {
			p.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.shown}}
		}
		_, err := secured(t, dir, c.peers).newSession(t.Context(), p)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		var rejected *scp.RejectError
		if err != nil && (!errors.As(err, &rejected) || rejected.Reason != scp.RejectCallingAETitle.Reason) {
			t.Errorf("%s: got %v, want 1/1/3", c.name, err)
		}
	}
}

// shake makes a connection to the secure port as the peer of that name and returns
// what becomes of it.
func shake(t *testing.T, address, dir, name string) error {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	d := &net.Dialer{Timeout: 10 * time.Second}
	c, err := tls.DialWithDialer(d, "tcp", address, &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err = c.Read(make([]byte, 1))
	return err
}

// TestCertificatesAreReloaded: a peer that is removed is refused at the next
// handshake, without a restart.
func TestCertificatesAreReloaded(t *testing.T) {
	dir, foreign := certificates(t), certificates(t, "dx")
	print := dicomtls.Fingerprint(certificate(t, foreign, "dx"))
	n := secured(t, dir, fmt.Sprintf("  - {name: dx, ae_title: DX, address: 127.0.0.1, tls: {fingerprints: [%q]}}\n", print))
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := n.Secure(plain)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.(*dicomtls.Conn).Handshake() // the client hears of it
			_ = c.Close()
		}
	}()
	if err := shake(t, ln.Addr().String(), foreign, "dx"); !errors.Is(err, io.EOF) {
		t.Errorf("known by fingerprint: got %v, want the connection closed by its own side", err)
	}
	c := *n.config.Load()
	c.Peers = []configs.Peer{{Name: "dx", AETitle: "DX", Address: "127.0.0.1"}}
	n.reloadCertificates(n.config.Load(), c)
	n.config.Store(&c)
	if err := shake(t, ln.Addr().String(), foreign, "dx"); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("known no more: got %v, want an alert", err)
	}
	broken := c
	broken.TLS.Key = "none.key"
	merged := c
	n.reloadCertificates(&merged, broken)
	if n.identity.Load() == nil || merged.TLS.Key != c.TLS.Key {
		t.Error("a key that cannot be read replaced the one that could")
	}
}

// TestPeersCertificatesEnd: the log warns 30 days before the certificate of a peer ends,
// of whoever calls and of who is called, once each; and the archive remembers when.
func TestPeersCertificatesEnd(t *testing.T) {
	site := nodetest.NewSite(t, "modality", "pacs")
	ending := map[string]*x509.Certificate{}
	for name, days := range map[string]int{"modality": 29, "pacs": 3} {
		ending[name] = site.Issue(t, name, false, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, days) })
	}
	pacs := nodetest.NewSecureCommittingPACS(t, site)
	c := site.Config(t.TempDir(), pacs.Address)
	c.Peers[1].StorageCommitment = false
	n := startQuick(t, c)
	site.Port = port(t, n.Addr)
	for i := range 2 {
		image := nodetest.Image{Name: fmt.Sprint("ending-", i), Rows: 96, Cols: 64}
		nodetest.Store(t, site.As("MODALITY", "modality"), []string{image.File(t, t.TempDir())})
	}
	n.Settle(t)
	for name, c := range ending {
		if want := fmt.Sprintf("TLS: the certificate of peer %s expires on %s: renew it", name, c.NotAfter.UTC().Format(time.DateOnly)); strings.Count(n.Log.String(), want) != 1 {
			t.Errorf("want %q once in\n%s", want, n.Log)
		}
		if text, err := n.archive.Recall(t.Context(), CertificateKey(name)); err != nil || text != c.NotAfter.UTC().Format(time.RFC3339) {
			t.Errorf("remembered of %s: %q, %v", name, text, err)
		}
	}
}
