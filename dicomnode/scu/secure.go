package scu

import (
	"fmt"

	"dicomnode/configs"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
	"dicomnode/scp"
)

// Identity loads what the configuration proves itself with over TLS; nil where it
// names no certificate.
func Identity(t configs.TLS) (*dicomtls.Identity, error) {
	if t.Certificate == "" {
		return nil, nil
	}
	id, err := dicomtls.Load(dicomtls.Files{Certificate: t.Certificate, Key: t.Key, CA: t.CA, Revoked: t.Revoked})
	if err != nil {
		return nil, hint.Add(fmt.Errorf("TLS: %w", err), `see tls: in the configuration; "dicomnode tls init" makes files for a first test`)
	}
	return id, nil
}

// Binding is the certificate by which a peer is known.
func Binding(t configs.PeerTLS) dicomtls.Binding {
	b := dicomtls.Binding{Name: t.Name}
	for _, f := range t.Fingerprints {
		canonical, _ := dicomtls.CanonicalFingerprint(f) // the configuration was checked
		b.Fingerprints = append(b.Fingerprints, canonical)
	}
	return b
}

// Secure lets d call the peer as its entry says: over TLS where it has a
// certificate.
func Secure(d *scp.Dialer, id *dicomtls.Identity, p configs.Peer) *scp.Dialer {
	if p.TLS.Used() && id != nil {
		d.TLS = id.Client(Binding(p.TLS))
	}
	return d
}
