package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/dicomtls"
	"dicomnode/scp"
)

// Secure turns a listener into one for DICOM TLS. Certificate and CA are those of the
// configuration at the time of each handshake.
func (n *Node) Secure(ln net.Listener) net.Listener {
	return dicomtls.NewListener(ln, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			id := n.identity.Load()
			if id == nil {
				return nil, errors.New("the configuration names no certificate")
			}
			return id.Server(n.knownFingerprint), nil
		},
	})
}

// knownFingerprint reports whether any peer has the fingerprint.
func (n *Node) knownFingerprint(fingerprint string) bool {
	return slices.ContainsFunc(n.config.Load().Peers, func(p configs.Peer) bool {
		return slices.Contains(scu.Binding(p.TLS).Fingerprints, fingerprint)
	})
}

// checkCertificate returns an error if the connection does not prove the identity of the peer.
// AE title and address do not.
func (n *Node) checkCertificate(peer configs.Peer, p scp.Peer) error {
	switch {
	case p.TLS == nil && peer.TLS.Used() && !peer.TLS.Plain:
		return errors.New("it has a certificate but connected without TLS; tls: {plain: true} allows this")
	case p.TLS == nil || !peer.TLS.Used():
		return nil
	}
	id := n.identity.Load()
	if err := id.Check(scu.Binding(peer.TLS), p.TLS.PeerCertificates); err != nil {
		return err
	}
	n.noteCertificate(id, peer.Name, p.TLS.PeerCertificates[0])
	return nil
}

// reloadCertificates reads the files that c names; if that fails, the current certificates
// stay. The port does not change.
func (n *Node) reloadCertificates(merged *configs.Config, c configs.Config) {
	id, err := scu.Identity(c.TLS)
	if err != nil {
		n.log.Error("certificates not reloaded; keeping the current ones", "error", err)
		return
	}
	if listen := merged.TLS.Listen; listen != c.TLS.Listen {
		n.log.Warn("changes wait for a restart", "keys", "tls.listen")
		c.TLS.Listen = listen
	}
	merged.TLS = c.TLS
	n.identity.Store(id)
	n.warnOfCertificates(id)
}

// certificateInterval is how often the expiry of certificates is checked.
const certificateInterval = 24 * time.Hour

// watchCertificates warns of certificates that expire soon, until ctx ends.
func (n *Node) watchCertificates(ctx context.Context) {
	ticker := time.NewTicker(certificateInterval)
	defer ticker.Stop()
	for {
		n.warnOfCertificates(n.identity.Load())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// CertificateKey is where the archive stores, in RFC 3339, when the certificate expires that a
// peer used last.
func CertificateKey(peer string) string { return "certificate of " + peer }

// noteCertificate stores the expiry of a peer's certificate for "dicomnode status", and warns
// once when it expires soon.
func (n *Node) noteCertificate(id *dicomtls.Identity, peer string, c *x509.Certificate) {
	if ends := c.NotAfter.UTC().Format(time.RFC3339); n.ending.first(peer + " " + ends) {
		if err := n.archive.Remember(context.Background(), CertificateKey(peer), ends); err != nil {
			n.log.Warn("cannot record when a peer's certificate expires for \"dicomnode status\"", "peer", peer, "error", err)
		}
	}
	if w := id.Ending("the certificate of peer "+peer, c.NotAfter); w != "" && n.ending.first(w) {
		n.log.Warn("TLS: " + w)
	}
}

// noting makes c record the certificate of the peer that it calls.
func (n *Node) noting(c *tls.Config, id *dicomtls.Identity, peer string) {
	check := c.VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		err := check(s)
		if err == nil {
			n.noteCertificate(id, peer, s.PeerCertificates[0])
		}
		return err
	}
}

func (n *Node) warnOfCertificates(id *dicomtls.Identity) {
	if id == nil {
		return
	}
	for _, w := range id.Warnings() {
		n.log.Warn("TLS: " + w)
	}
}
