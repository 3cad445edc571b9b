package configs_test

import (
	"errors"
	"strings"
	"testing"

	"dicomnode/configs"
)

func TestTLS(t *testing.T) {
	const files = "certificate: n.crt, key: n.key, ca: ca.crt"
	print := strings.Repeat("AB:", 31) + "AB"
	peer := func(tls string) string {
		return "peers:\n  - {name: a, ae_title: A, address: 10.0.0.1, tls: {" + tls + "}}\n"
	}
	for name, c := range map[string]struct{ text, key, what string }{
		"by name":                  {"tls: {listen: ':2762', " + files + "}\n" + peer("name: a.example"), "", ""},
		"by two fingerprints":      {"tls: {" + files + "}\n" + peer("fingerprints: ['"+print+"', 'SHA256:"+strings.ReplaceAll(print, ":", "")+"']"), "", ""},
		"TLS alone":                {"node: {listen: ''}\ntls: {listen: ':2762', " + files + "}\n", "", ""},
		"no port at all":           {"node: {listen: ''}\n", "node.listen", "not host:port"},
		"one port for both":        {"tls: {listen: ':11112', " + files + "}\n", "tls.listen", "plain DICOM"},
		"no host:port":             {"tls: {listen: '2762', " + files + "}\n", "tls.listen", "not host:port"},
		"no certificate":           {"tls: {listen: ':2762', key: n.key}\n", "tls.certificate", "is empty"},
		"no key for a peer":        {"tls: {certificate: n.crt}\n" + peer("fingerprints: ['"+print+"']"), "tls.key", "is empty"},
		"name without CA":          {"tls: {certificate: n.crt, key: n.key}\n" + peer("name: a.example"), "peers[0].tls.name", "only under a CA"},
		"fingerprint of SHA-1":     {"tls: {" + files + "}\n" + peer("fingerprints: ['"+print[:59]+"']"), "peers[0].tls.fingerprints[0]", "not a SHA-256"},
		"plain without a binding":  {peer("plain: true"), "peers[0].tls.plain", "without a certificate"},
		"revocation list, no CA":   {"tls: {revoked: a.crl}\n", "tls.revoked", "needs its CA"},
		"a key in the file":        {"tls: {certificate: n.crt, key: \"-----BEGIN PRIVATE KEY-----\\nMC4\"}\n", "tls.key", "no secret"},
		"a CA in the file":         {"audit: {server: 'h:6514', ca: \"-----BEGIN CERTIFICATE-----\\nMC4\"}\n", "audit.ca", "no secret"},
		"key of another level":     {"tls: {fingerprints: []}\n", "tls.fingerprints", "unknown key"},
		"a peer that has no trust": {peer(""), "", ""},
	} {
		_, err := configs.Parse([]byte(c.text))
		if c.what == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var problems configs.Problems
		if !errors.As(err, &problems) || problems[0].Key != c.key || !strings.Contains(problems[0].What, c.what) || problems[0].Hint == "" {
			t.Errorf("%s: got %v, want %s: %s, and a hint", name, err, c.key, c.what)
		}
	}
}
