package nodetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/dicomtls"
)

// Site has the certificates of a node ("node") and its peers, and the port on which the
// node speaks DICOM TLS.
type Site struct {
	Dir  string
	Port int
}

// NewSite makes a CA and the certificates.
func NewSite(t testing.TB, peers ...string) Site {
	t.Helper()
	s := Site{filepath.Join(t.TempDir(), "tls"), FreePort(t)}
	if err := dicomtls.Init(s.Dir, append([]string{"node"}, peers...)...); err != nil {
		t.Fatal(err)
	}
	return s
}

// File is the path of NAME.crt, NAME.key or another file.
func (s Site) File(name string) string { return filepath.Join(s.Dir, name) }

// YAML is tls: of the node's configuration.
func (s Site) YAML() string {
	return fmt.Sprintf("tls: {listen: \"127.0.0.1:%d\", certificate: %q, key: %q, ca: %q}\n", s.Port, s.File("node.crt"), s.File("node.key"), s.File("ca.crt"))
}

// Config is [Config] of a node that knows "modality" and "pacs", which is to commit, by
// their certificates.
func (s Site) Config(dir, pacsAddress string) configs.Config {
	c := Config(dir, pacsAddress)
	c.TLS = configs.TLS{Listen: fmt.Sprintf("127.0.0.1:%d", s.Port), Certificate: s.File("node.crt"), Key: s.File("node.key"), CA: s.File("ca.crt")}
	c.Peers[0].TLS.Name, c.Peers[1].TLS.Name, c.Peers[1].StorageCommitment = "modality", "pacs", true
	c.Network.CommitmentWait = 2 * time.Second
	return c
}

// As calls the node over TLS as that application entity, with the certificate of a peer.
func (s Site) As(calling, certificate string) scu.Destination {
	d := Calling(calling, "XNET", fmt.Sprintf("127.0.0.1:%d", s.Port))
	d.Config.TLS = configs.TLS{Certificate: s.File(certificate + ".crt"), Key: s.File(certificate + ".key"), CA: s.File("ca.crt")}
	d.Peer.TLS.Name = "node"
	return d
}

// Listener speaks TLS as a peer of the site.
func (s Site) Listener(t testing.TB, ln net.Listener, peer string) net.Listener {
	t.Helper()
	id, err := dicomtls.Load(dicomtls.Files{Certificate: s.File(peer + ".crt"), Key: s.File(peer + ".key"), CA: s.File("ca.crt")})
	if err != nil {
		t.Fatal(err)
	}
	return dicomtls.NewListener(ln, id.Server(func(string) bool { return false }))
}

// Issue makes NAME.crt and NAME.key with what change asks for, signed by the site's CA,
// or by itself.
func (s Site) Issue(t testing.TB, name string, selfSigned bool, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	change(c)
	parent, signer := c, key
	if !selfSigned {
		parent, signer = s.authority(t)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, name+".crt", "CERTIFICATE", der)
	s.write(t, name+".key", "PRIVATE KEY", secret)
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Revoke writes ca.crl, which names the certificate.
func (s Site) Revoke(t testing.TB, c *x509.Certificate) {
	t.Helper()
	ca, key := s.authority(t)
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour),
		NextUpdate:                time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: c.SerialNumber, RevocationTime: time.Now()}}}, ca, key)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "ca.crl", "X509 CRL", der)
}

// Certificate reads NAME.crt.
func (s Site) Certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(s.read(t, name+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s Site) authority(t testing.TB) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(s.read(t, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Certificate(t, "ca"), key.(*ecdsa.PrivateKey)
}

func (s Site) read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(s.File(name))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes
}

func (s Site) write(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(s.File(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
