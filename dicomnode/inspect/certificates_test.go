package inspect_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
)

// A status names the certificates that end within 30 days: the node's own, and those of
// peers as they were seen last.
func TestStatusOfCertificates(t *testing.T) {
	in := func(days int) time.Time { return time.Now().AddDate(0, 0, days).UTC() }
	site := nodetest.NewSite(t)
	site.Issue(t, "node", false, func(c *x509.Certificate) { c.NotAfter = in(29) })
	c := site.Config(t.TempDir(), "127.0.0.1:104")
	c.Peers = append(c.Peers, configs.Peer{Name: "plain", AETitle: "PLAIN", Address: "127.0.0.1"})
	a, err := archive.Open(t.Context(), archive.Options{Dir: c.Node.ArchiveDir(), MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	problems := func(seen map[string]time.Time) []string {
		for peer, ends := range seen {
			if err := a.Remember(t.Context(), node.CertificateKey(peer), ends.Format(time.RFC3339)); err != nil {
				t.Fatal(err)
			}
		}
		s, err := inspect.Inspect(t.Context(), a, c)
		if err != nil || s.CertificateEnds == nil || s.CertificateEnds.Format(time.DateOnly) != in(29).Format(time.DateOnly) {
			t.Fatalf("%+v, %v", s, err)
		}
		return slices.DeleteFunc(s.Problems, func(p string) bool { return p == "the node does not run" })
	}
	own := "the node's certificate expires on " + in(29).Format(time.DateOnly) + ": renew it"
	for _, step := range []struct {
		seen map[string]time.Time
		want []string
	}{
		{nil, []string{own}},
		{map[string]time.Time{"modality": in(3), "pacs": in(31), "plain": in(3)}, []string{own, "the certificate of peer modality expires on " + in(3).Format(time.DateOnly) + ": renew it"}},
		{map[string]time.Time{"modality": in(365), "pacs": in(-1)}, []string{own, "the certificate of peer pacs expired on " + in(-1).Format(time.DateOnly) + ": renew it"}},
	} {
		if got := problems(step.seen); !slices.Equal(got, step.want) {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}
