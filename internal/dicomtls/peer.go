package dicomtls

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
)

// Binding says which certificates identify a peer: those with one of the fingerprints (two
// during a renewal), or those signed by the CA with Name as subject alternative name.
type Binding struct {
	Fingerprints []string // in the format of [CanonicalFingerprint]
	Name         string   // DNS name or IP address
}

// suites are the TLS 1.2 cipher suites that PS3.15 B.12 requires by reference to BCP 195, with
// forward secrecy and authenticated encryption. All suites of TLS 1.3 have both.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
}

func (id *Identity) config() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{id.certificate}, MinVersion: tls.VersionTLS12, CipherSuites: suites,
		SessionTicketsDisabled:      true, // a resumed session would not contain the certificate
		DynamicRecordSizingDisabled: true, // small first records help web pages only
	}
}

// Server returns the configuration of an acceptor. The peer must present a certificate that is
// signed by the CA or whose fingerprint known accepts. [Identity.Check] later checks that it is
// the certificate of the peer with the calling AE title.
func (id *Identity) Server(known func(fingerprint string) bool) *tls.Config {
	c := id.config()
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) > 0 && known(Fingerprint(s.PeerCertificates[0])) {
			return id.current(s.PeerCertificates[0])
		}
		return id.signed(s.PeerCertificates)
	}
	return c
}

// Client returns the configuration of a requestor to the peer of b.
func (id *Identity) Client(b Binding) *tls.Config {
	c := id.config()
	c.InsecureSkipVerify = true // Check verifies instead: by fingerprint, or CA and name, and not by the host
	c.VerifyConnection = func(s tls.ConnectionState) error { return id.Check(b, s.PeerCertificates) }
	return c
}

// Check verifies the certificates that a peer has presented against b.
func (id *Identity) Check(b Binding, shown []*x509.Certificate) error {
	if len(shown) == 0 {
		return errNoCertificate
	}
	if slices.Contains(b.Fingerprints, Fingerprint(shown[0])) {
		return id.current(shown[0])
	}
	if b.Name == "" {
		return fmt.Errorf("the certificate has fingerprint %s, which is not one of the peer's", Fingerprint(shown[0]))
	}
	if err := id.signed(shown); err != nil {
		return err
	}
	if err := shown[0].VerifyHostname(b.Name); err != nil {
		return fmt.Errorf("the certificate is not that of %s: %w", b.Name, err)
	}
	return nil
}

// current returns an error if a certificate is expired, not yet valid or revoked.
func (id *Identity) current(c *x509.Certificate) error {
	switch now := id.now(); {
	case now.After(c.NotAfter):
		return fmt.Errorf("the peer's certificate expired on %s", day(c.NotAfter))
	case now.Before(c.NotBefore):
		return fmt.Errorf("the peer's certificate is valid from %s: is a clock wrong?", day(c.NotBefore))
	case id.revoked(c):
		return fmt.Errorf("the peer's certificate (serial %X) has been revoked", c.SerialNumber)
	}
	return nil
}

// signed verifies a chain from the first certificate to the CA, and that each of its
// certificates is valid now.
func (id *Identity) signed(shown []*x509.Certificate) error {
	if len(shown) == 0 {
		return errNoCertificate
	}
	if err := id.current(shown[0]); err != nil {
		return err
	}
	if id.authorities == nil {
		return fmt.Errorf("no peer has a certificate of fingerprint %s, and no CA is configured", Fingerprint(shown[0]))
	}
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{Roots: id.authorities, Intermediates: between, CurrentTime: id.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("the peer's certificate is not signed by the CA: %w", err)
	}
	for _, c := range chains[0] {
		if err := id.current(c); err != nil {
			return err
		}
	}
	return nil
}
