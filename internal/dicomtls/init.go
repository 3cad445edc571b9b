package dicomtls

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
	"time"
)

// Validity of the certificates that [Init] creates.
const (
	authorityTime   = 10 * 365 * 24 * time.Hour
	certificateTime = 397 * 24 * time.Hour
)

// Init creates a test CA and a certificate for each name: DIR/ca.crt, DIR/ca.key, DIR/NAME.crt
// and DIR/NAME.key. A name is a DNS name or an IP address. Existing files are not overwritten.
// If dir already has a CA, it signs the certificates.
func Init(dir string, names ...string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	authority, key, err := authorityIn(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		leaf := template(name, certificateTime)
		leaf.KeyUsage = x509.KeyUsageDigitalSignature
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = []net.IP{ip}
		} else {
			leaf.DNSNames = []string{name}
		}
		if _, _, err := issue(filepath.Join(dir, FileName(name)), leaf, authority, key); err != nil {
			return err
		}
	}
	return nil
}

// FileName returns the file name of a name's certificate without its extension. It replaces the
// colons of IPv6, which some systems do not allow.
func FileName(name string) string {
	b := []byte(filepath.Base(name))
	for i, c := range b {
		if c == ':' {
			b[i] = '-'
		}
	}
	return string(b)
}

// authorityIn returns the CA of a folder and creates it if necessary.
func authorityIn(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	path := filepath.Join(dir, "ca")
	if _, err := os.Stat(path + ".crt"); err != nil {
		ca := template("dicomnode test CA", authorityTime)
		ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		return issue(path, ca, ca, nil)
	}
	certificate, err := read(path + ".crt")
	if err != nil {
		return nil, nil, err
	}
	secret, err := read(path + ".key")
	if err != nil {
		return nil, nil, err
	}
	certificates, keys := blocks(certificate, "CERTIFICATE"), blocks(secret, "PRIVATE KEY")
	if len(certificates) == 0 || len(keys) == 0 {
		return nil, nil, fmt.Errorf("%s.crt and .key hold no certificate and key", path)
	}
	authority, err := x509.ParseCertificate(certificates[0])
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keys[0])
	if err != nil {
		return nil, nil, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s.key is not one that this program made", path)
	}
	return authority, private, nil
}

func template(name string, valid time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // crypto/rand does not fail
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid),
	}
}

// issue writes a new key and its certificate, signed by parent. If parentKey is nil, the
// certificate is self-signed.
func issue(path string, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := write(path+".key", "PRIVATE KEY", secret, 0o600); err != nil {
		return nil, nil, err
	}
	if err := write(path+".crt", "CERTIFICATE", der, 0o644); err != nil {
		return nil, nil, err
	}
	signed, err := x509.ParseCertificate(der)
	return signed, key, err
}

func write(path, kind string, der []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
