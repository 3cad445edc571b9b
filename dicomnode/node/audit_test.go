package node

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// What the audit trail of a node tells (PS3.15 A.5.3): its start, who was refused, what
// was received and sent, and a reload, with the patient; its log names none.
func TestAuditTrail(t *testing.T) {
	collector, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = collector.Close() })
	var got nodetest.Buffer
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := collector.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = got.Write(append(b[:n], '\n'))
		}
	}()
	pacs := nodetest.NewKeepingPACS(t)
	c := nodetest.Config(t.TempDir(), pacs.Address)
	c.Audit.Server, c.Audit.Transport = collector.LocalAddr().String(), "udp"
	n := startQuick(t, c)
	storedImages(t, n, "audited")
	verify := scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}
	if client, err := n.As("STRANGER", "XNET").Dial(t.Context(), verify); err == nil {
		client.Abort()
		t.Fatal("a stranger was admitted")
	}
	n.Reload(c)
	for _, want := range []string{`csd-code="110120"`, `UserID="STRANGER"`, `UserID="MODALITY"`, `UserID="PACS"`, `csd-code="110131"`} {
		nodetest.Until(t, "an audit message with "+want, func() bool { return strings.Contains(got.String(), want) })
	}
	if strings.Count(got.String(), `ParticipantObjectTypeCodeRole="1"`) != 2 {
		t.Errorf("want a patient in two messages:\n%s", got.String())
	}
	info, err := os.Stat(filepath.Join(c.Node.DataDir, "audit.spool"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("spool: %v, %v", info, err)
	}
}

// Without a collector nothing is made.
func TestNoAuditTrail(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	n := startNode(t, c)
	storedImages(t, n, "unaudited")
	if _, err := os.Stat(filepath.Join(c.Node.DataDir, "audit.spool")); !os.IsNotExist(err) {
		t.Errorf("there is a spool: %v", err)
	}
}
