package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/audit/audittest"
	"dicomnode/internal/dimse"
)

// sentFiles sends three images to an address as "dicomnode send" does, with an audit trail
// in dir, and returns its messages.
func sentFiles(t *testing.T, address, dir string) (messages []string, err error) {
	t.Helper()
	var files []string
	for i := range 3 {
		files = append(files, nodetest.Image{Name: fmt.Sprintf("sent-%d", i), Rows: 32, Cols: 32}.File(t, t.TempDir()))
	}
	d := nodetest.Calling("SENDER", "PACS", address)
	d.Config.Node.DataDir, d.Config.Audit.Server = dir, "127.0.0.1:6514"
	_, err = audited(d, files, func() ([]scu.Sent, error) { return d.StoreFiles(t.Context(), files, func() {}) })
	spool, _ := os.ReadFile(filepath.Join(dir, "audit.spool")) // absent if nothing was recorded
	for line := range strings.Lines(string(spool)) {
		if err := audittest.Check([]byte(line)); err != nil {
			t.Errorf("%v in\n%s", err, line)
		}
		messages = append(messages, line)
	}
	return messages, err
}

// with counts the messages that have all parts.
func with(messages []string, parts ...string) (n int) {
	for _, m := range messages {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(m, p)
		}
		if all {
			n++
		}
	}
	return n
}

// TestSendIsAudited: what a person sends is in the audit trail (PS3.15 A.5.3.3, A.5.3.7),
// with the person, the patient and how it ended.
func TestSendIsAudited(t *testing.T) {
	var asked atomic.Int32
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{Respond: func(c *dimse.Command) {
		c.Status = []uint16{0, 0xA900, 0xA700}[asked.Add(1)-1]
	}})
	messages, err := sentFiles(t, pacs.Address, t.TempDir())
	if err != nil || len(messages) != 6 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	person := fmt.Sprintf(`UserID=%q UserIsRequestor="true"`, archive.User())
	const begins, transferred, patient, pair = `csd-code="110102"`, `csd-code="110104"`, "SIMULATED", `UserID="PACS"`
	if n := with(messages[:3], begins, person, patient, pair, `UserID="SENDER"`); n != 3 {
		t.Errorf("%d of 3 that begin:\n%s", n, messages[:3])
	}
	for i, parts := range [][]string{{`Indicator="0"`}, {`Indicator="8"`, "A900"}, {`Indicator="4"`, "A700"}} {
		instance := nodetest.Image{Name: fmt.Sprintf("sent-%d", i)}.Instance()
		if n := with(messages[3:], append(parts, transferred, person, patient, pair, instance)...); n != 1 {
			t.Errorf("image %d, %v: %d messages:\n%s", i, parts, n, messages[3:])
		}
	}
}

// TestSendToNobodyIsAudited: without an association, each transfer that was begun has failed.
func TestSendToNobodyIsAudited(t *testing.T) {
	messages, err := sentFiles(t, fmt.Sprintf("127.0.0.1:%d", nodetest.FreePort(t)), t.TempDir())
	if n := with(messages, `csd-code="110104"`, `EventOutcomeIndicator="4"`, "associate with"); err == nil || n != 3 || len(messages) != 6 {
		t.Errorf("%v, %d of %d messages", err, n, len(messages))
	}
}

// TestSendUnaudited: where the audit trail cannot be written, nothing is sent.
func TestSendUnaudited(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{Respond: func(*dimse.Command) { t.Error("an object was sent") }})
	if _, err := sentFiles(t, pacs.Address, filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("no error")
	}
}
