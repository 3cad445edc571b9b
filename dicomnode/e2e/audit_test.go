package e2e

import (
	"fmt"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/audit/audittest"
)

// TestRsyslogCollectsAudit: rsyslog gets every audit message whole and as PS3.15 A.5.1
// has it, over TLS and over UDP. Over TLS none is lost while the collector is away and
// the node is killed.
func TestRsyslogCollectsAudit(t *testing.T) {
	t.Parallel()
	site := nodetest.NewSite(t, "modality", "127.0.0.1")
	collector := nodetest.NewRsyslog(t, site)
	node := func(audit string) string {
		return site.YAML() + audit + "peers:\n  - {name: modality, ae_title: MODALITY, address: 127.0.0.1, tls: {name: modality}}\n"
	}
	k := nodetest.NewProcess(t, node(fmt.Sprintf("audit: {server: %q}\n", collector.TLS)))
	var sent []string
	send := func() {
		image := nodetest.Image{Name: fmt.Sprintf("audited-%d", len(sent)), Rows: 64, Cols: 64}
		nodetest.Store(t, site.As("MODALITY", "modality"), []string{image.File(t, t.TempDir())})
		sent = append(sent, image.Instance())
	}
	arrived := func(want string, times int) {
		t.Helper()
		nodetest.Until(t, want+" at the collector", func() bool {
			return strings.Count(strings.Join(collector.Messages(t), "\n"), want) >= times
		})
	}
	k.Start(t)
	send()
	nodetest.Until(t, "words about the collector that is away", func() bool {
		return strings.Contains(k.Log.String(), "audit messages not sent, they wait in the spool")
	})
	send()
	k.Kill()
	collector.Start(t)
	k.Start(t)
	arrived(`csd-code="110120"`, 2) // Application Start
	collector.Kill()
	send()
	collector.Start(t)
	for _, instance := range sent {
		arrived(`<Instance UID="`+instance+`">`, 1)
	}
	k.Stop(t)
	k.Configure(t, t.TempDir(), node(fmt.Sprintf("audit: {server: %q, transport: udp}\n", collector.UDP)))
	k.Start(t)
	send()
	arrived(`<Instance UID="`+sent[len(sent)-1]+`">`, 1)
	k.Stop(t)
	for _, m := range collector.Messages(t) {
		if err := audittest.Check([]byte(m)); err != nil {
			t.Errorf("%v in\n%s", err, m)
		}
	}
}
