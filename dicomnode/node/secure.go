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

// Secure turns a listener into one of DICOM TLS. The node's certificate and whom it
// believes are those of the configuration at the time of each handshake.
func (n *Node) Secure(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{
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

// knownFingerprint reports whether any peer is known by it.
func (n *Node) knownFingerprint(fingerprint string) bool {
	return slices.ContainsFunc(n.config.Load().Peers, func(p configs.Peer) bool {
		return slices.Contains(scu.Binding(p.TLS).Fingerprints, fingerprint)
	})
}

// proven tells why a connection does not prove that it is the peer's: AE title and
// address alone can be made up.
func (n *Node) proven(peer configs.Peer, p scp.Peer) error {
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

// reloadCertificates reads the files that c names, and has those of before stay where
// they cannot be read. The port stays the one that is open.
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

// certificateInterval is how often the end of certificates is looked at.
const certificateInterval = 24 * time.Hour

// watchCertificates warns of what soon will not work any more, until ctx ends.
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

// CertificateKey is where the archive remembers when the certificate ends that a peer
// proved itself with last, in RFC 3339.
func CertificateKey(peer string) string { return "certificate of " + peer }

// noteCertificate notes a peer's certificate for "dicomnode status", and warns once when
// it is near its end: it will be refused then.
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

// noting has c note the certificate of the peer that it calls.
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
