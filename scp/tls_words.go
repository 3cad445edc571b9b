package scp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// alerts explains the peer's TLS alerts (RFC 8446 6.2), by the text of crypto/tls.
var alerts = map[string]string{
	"tls: handshake failure":              "the peer found no cipher suite or parameters in common",
	"tls: protocol version not supported": "the peer speaks no TLS version in common",
	"tls: bad certificate":                "the peer does not take our certificate",
	"tls: revoked certificate":            "the peer says that our certificate has been revoked",
	"tls: expired certificate":            "the peer says that our certificate has expired",
	"tls: unknown certificate":            "the peer does not take our certificate",
	"tls: unknown certificate authority":  "the peer does not know the CA of our certificate",
	"tls: certificate required":           "the peer requires a certificate of ours",
}

// failures explains errors of this side of a handshake, by the text of crypto/tls.
var failures = []struct{ said, words string }{
	{"tls: no cipher suite supported by both", "the peer offers no cipher suite in common: its security profile may be a retired one"},
	{"tls: client offered only unsupported versions", "the peer offers no TLS version in common: it must speak 1.2 or 1.3"},
	{"tls: client didn't provide a certificate", "the peer shows no certificate: each side must"},
}

// failedHandshake returns the error of a TLS handshake that failed because of what either side
// showed or offered; nil if there was none, or only the connection failed.
func failedHandshake(nc net.Conn) error {
	secure, ok := nc.(interface{ Handshake() error })
	if !ok {
		return nil
	}
	err := secure.Handshake() // its result: it is not repeated
	var network *net.OpError
	switch {
	case errors.As(err, &network) && !strings.HasSuffix(network.Op, " error"): // those of alerts are "local error" and "remote error"
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}

// explain adds an explanation to the error of a handshake.
func explain(err error) error {
	var remote *net.OpError
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &remote) && remote.Op == "remote error" && alerts[remote.Err.Error()] != "":
		return fmt.Errorf("TLS handshake: %s: %w", alerts[remote.Err.Error()], err)
	case errors.As(err, &record):
		return fmt.Errorf("TLS handshake: the peer does not use TLS here, perhaps plain DICOM: %w", err)
	}
	for _, r := range failures {
		if strings.Contains(err.Error(), r.said) {
			return fmt.Errorf("TLS handshake: %s: %w", r.words, err)
		}
	}
	return err
}
