// Package dicomtls implements the BCP 195 RFC 8996 TLS Secure Transport Connection Profile
// (PS3.15 B.12), always with certificates on both sides. It loads certificate, key, CA and
// revocation lists, and checks the certificate of a peer by its fingerprint or its name.
//
// It does not use AE titles or other parts of DICOM. Profile B.13 is not implemented.
package dicomtls

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Files are the files of the node's identity and of its trusted CAs, all in PEM.
type Files struct {
	Certificate string // of the node, followed by intermediate certificates
	Key         string // private key; other users must not be able to read it
	CA          string // signs the certificates of peers; "" if all peers have fingerprints
	Revoked     string // revocation lists of the CA; "" for none
}

// Identity is the content of [Files]. It is immutable.
type Identity struct {
	certificate tls.Certificate
	authorities *x509.CertPool
	signers     []*x509.Certificate // certificates of the CAs
	lists       []*x509.RevocationList
	now         func() time.Time
}

// maxFile is the greatest size of each file in bytes.
const maxFile = 1 << 20

// Load reads the files. Its errors name the file and what to do.
func Load(f Files) (*Identity, error) {
	if err := private(f.Key); err != nil {
		return nil, err
	}
	certificate, err := read(f.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := read(f.Key)
	if err != nil {
		return nil, err
	}
	id := &Identity{now: time.Now}
	if id.certificate, err = tls.X509KeyPair(certificate, key); err != nil {
		return nil, fmt.Errorf("certificate %s and key %s: %w", f.Certificate, f.Key, err)
	}
	if f.CA == "" {
		return id, nil
	}
	if id.signers, err = id.loadAuthorities(f.CA); err != nil || f.Revoked == "" {
		return id, err
	}
	return id, id.loadRevoked(f.Revoked, id.signers)
}

// private returns an error unless only the owner can read the key file.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("key %s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	return nil
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (id *Identity) loadAuthorities(path string) ([]*x509.Certificate, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	var authorities []*x509.Certificate
	id.authorities = x509.NewCertPool()
	for _, der := range blocks(text, "CERTIFICATE") {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("CA %s: %w", path, err)
		}
		id.authorities.AddCert(c)
		authorities = append(authorities, c)
	}
	if len(authorities) == 0 {
		return nil, fmt.Errorf("CA %s holds no certificate in PEM", path)
	}
	return authorities, nil
}

// loadRevoked reads revocation lists, which a CA must have signed.
func (id *Identity) loadRevoked(path string, authorities []*x509.Certificate) error {
	text, err := read(path)
	if err != nil {
		return err
	}
	for _, der := range blocks(text, "X509 CRL") {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("revocation list %s: %w", path, err)
		}
		if !slices.ContainsFunc(authorities, func(c *x509.Certificate) bool { return list.CheckSignatureFrom(c) == nil }) {
			return fmt.Errorf("revocation list %s: no certificate of the CA has signed it", path)
		}
		id.lists = append(id.lists, list)
	}
	if len(id.lists) == 0 {
		return fmt.Errorf("revocation list %s holds none in PEM", path)
	}
	return nil
}

func blocks(text []byte, kind string) (ders [][]byte) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return ders
		}
		if block.Type == kind {
			ders = append(ders, block.Bytes)
		}
		text = rest
	}
}

// renewBefore is how long before its expiry a certificate should be renewed.
const renewBefore = 30 * 24 * time.Hour

// Warnings describes problems that are near: the node's certificate expires soon, or a
// revocation list is out of date.
func (id *Identity) Warnings() (warnings []string) {
	if w := id.Ending("the node's certificate", id.Expires()); w != "" {
		warnings = append(warnings, w)
	}
	for _, c := range id.signers {
		if w := id.Ending("the certificate of the CA "+c.Subject.CommonName, c.NotAfter); w != "" {
			warnings = append(warnings, w)
		}
	}
	for _, list := range id.lists {
		if !list.NextUpdate.IsZero() && list.NextUpdate.Before(id.now()) {
			warnings = append(warnings, fmt.Sprintf("the revocation list of %s was due for renewal on %s", list.Issuer.CommonName, day(list.NextUpdate)))
		}
	}
	return warnings
}

// Ending returns a warning if a certificate expires soon or has expired, else "".
func (id *Identity) Ending(whose string, notAfter time.Time) string {
	switch left := notAfter.Sub(id.now()); {
	case left < 0:
		return fmt.Sprintf("%s expired on %s: renew it", whose, day(notAfter))
	case left < renewBefore:
		return fmt.Sprintf("%s expires on %s: renew it", whose, day(notAfter))
	}
	return ""
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Certificate returns the node's certificate, for services other than DICOM.
func (id *Identity) Certificate() tls.Certificate { return id.certificate }

// Expires returns the expiry of the node's certificate.
func (id *Identity) Expires() time.Time { return id.certificate.Leaf.NotAfter }

// Fingerprint returns the SHA-256 of a certificate's DER, as OpenSSL prints it.
func Fingerprint(c *x509.Certificate) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(c.Raw)), " ", ":"), ":")
}

// CanonicalFingerprint returns a fingerprint in the format of [Fingerprint]; false if s is not
// a fingerprint.
func CanonicalFingerprint(s string) (string, bool) {
	s = strings.ToUpper(strings.TrimPrefix(strings.TrimSpace(s), "SHA256:"))
	digits := strings.ReplaceAll(s, ":", "")
	if len(digits) != 2*sha256.Size || strings.Trim(digits, "0123456789ABCDEF") != "" {
		return "", false
	}
	var pairs []string
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":"), true
}

// revoked reports whether a revocation list of the certificate's issuer contains it.
func (id *Identity) revoked(c *x509.Certificate) bool {
	for _, list := range id.lists {
		if !bytes.Equal(list.RawIssuer, c.RawIssuer) {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return true
			}
		}
	}
	return false
}

var errNoCertificate = errors.New("the peer showed no certificate: each side must")
