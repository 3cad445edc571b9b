package scu

import (
	"fmt"

	"dicomnode/configs"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
	"dicomnode/scp"
)

// Identity loads the certificate of the node for TLS; nil if the configuration names none.
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

// Binding is the certificate that identifies a peer.
func Binding(t configs.PeerTLS) dicomtls.Binding {
	b := dicomtls.Binding{Name: t.Name}
	for _, f := range t.Fingerprints {
		canonical, _ := dicomtls.CanonicalFingerprint(f) // the configuration was checked
		b.Fingerprints = append(b.Fingerprints, canonical)
	}
	return b
}

// Secure makes d use TLS for a peer whose entry has a certificate.
func Secure(d *scp.Dialer, id *dicomtls.Identity, p configs.Peer) *scp.Dialer {
	if p.TLS.Used() && id != nil {
		d.TLS = id.Client(Binding(p.TLS))
	}
	return d
}
