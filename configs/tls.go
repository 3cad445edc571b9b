package configs

import (
	"fmt"
	"net"
	"strings"
)

// TLS is DICOM TLS (PS3.15 B.12) in both roles, always with certificates on both
// sides. The files are PEM and are read again with the configuration.
type TLS struct {
	Listen      string `yaml:"listen"`      // host:port, usually :2762; empty: no secure port
	Certificate string `yaml:"certificate"` // of the node
	Key         string `yaml:"key"`         // its private key, mode 0600
	CA          string `yaml:"ca"`          // CA of the certificates of peers with a name
	Revoked     string `yaml:"revoked"`     // revocation lists of the CA; empty: none
}

// PeerTLS is the certificate that identifies a peer. It makes TLS mandatory in both directions:
// connections without TLS are refused, and the node calls the peer over TLS.
type PeerTLS struct {
	// Fingerprints are SHA-256 of certificates, as OpenSSL prints them: two while
	// the peer renews its own.
	Fingerprints []string `yaml:"fingerprints"`
	Name         string   `yaml:"name"`  // subject alternative name of a certificate signed by tls.ca
	Plain        bool     `yaml:"plain"` // the peer may also connect without TLS
}

// Used reports whether a certificate identifies the peer.
func (t PeerTLS) Used() bool { return len(t.Fingerprints) > 0 || t.Name != "" }

func (v *checker) tls(c Config) {
	t := c.TLS
	if t.Listen != "" {
		if _, port, err := net.SplitHostPort(t.Listen); err != nil || !validPort(port, true) {
			v.add("tls.listen", `write ":2762", the registered port of DICOM TLS`, "%q is not host:port", t.Listen)
		} else if t.Listen == c.Node.Listen {
			v.add("tls.listen", `write another port, usually ":2762"`, "is the port of node.listen, which speaks plain DICOM")
		}
	}
	needed := t.Listen != ""
	for i, p := range c.Peers {
		key := fmt.Sprintf("peers[%d].tls", i)
		needed = needed || p.TLS.Used()
		if p.TLS.Name != "" && t.CA == "" {
			v.add(key+".name", "name the file in tls: {ca: …}", "a certificate is known by name only under a CA")
		}
		if p.TLS.Plain && !p.TLS.Used() {
			v.add(key+".plain", "remove it, or write a fingerprint or name", "without a certificate every connection is plain")
		}
		for j, f := range p.TLS.Fingerprints {
			if digits := strings.ReplaceAll(strings.TrimPrefix(f, "SHA256:"), ":", ""); len(digits) != 64 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
				v.add(fmt.Sprintf("%s.fingerprints[%d]", key, j), "openssl x509 -in peer.crt -noout -fingerprint -sha256 prints it", "%q is not a SHA-256 fingerprint", short(f, 100))
			}
		}
	}
	for _, f := range []struct{ key, value string }{{"tls.certificate", t.Certificate}, {"tls.key", t.Key}, {"tls.ca", t.CA}, {"tls.revoked", t.Revoked}, {"audit.ca", c.Audit.CA}} {
		if strings.Contains(f.value, "-----BEGIN") {
			v.add(f.key, "write it into a file that only the node's user may read, and its path here", "is not the path of a file but what belongs in one: no secret stands in the configuration")
		}
	}
	for _, f := range []struct{ key, value string }{{"certificate", t.Certificate}, {"key", t.Key}} {
		if needed && f.value == "" {
			v.add("tls."+f.key, `"dicomnode tls init" makes files for a first test`, "is empty, and TLS needs it")
		}
	}
	if t.Revoked != "" && t.CA == "" {
		v.add("tls.revoked", "name the CA that signs it in tls: {ca: …}", "a revocation list needs its CA")
	}
}
