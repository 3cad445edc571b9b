package node

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/audit/audittest"
	"dicomnode/internal/dimse"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// What the audit trail of a node tells (PS3.15 A.5.3): its start, who was refused, what
// was received and sent, and a reload, with the patient; its log names none.
func TestAuditTrail(t *testing.T) {
	pacs := nodetest.NewKeepingPACS(t)
	c := nodetest.Config(t.TempDir(), pacs.Address)
	got := collected(t, &c)
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
	patient := `ParticipantObjectTypeCodeRole="1"` // of the image that came, of the result before and after
	nodetest.Until(t, "a patient in three messages", func() bool { return strings.Count(got.String(), patient) == 3 })
	info, err := os.Stat(filepath.Join(c.Node.DataDir, "audit.spool"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("spool: %v, %v", info, err)
	}
}

// collected has a node send its audit messages by UDP, and returns what comes, one a line.
func collected(t *testing.T, c *configs.Config) *nodetest.Buffer {
	t.Helper()
	collector, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = collector.Close() })
	c.Audit.Server, c.Audit.Transport = collector.LocalAddr().String(), "udp"
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
	return &got
}

// Transfers that fail are in the audit trail too (PS3.15 A.5.3.7), with their outcome and
// the patient, though an object that was refused is stored nowhere; the log names nobody.
func TestAuditOfFailures(t *testing.T) {
	var asked atomic.Int32
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{Respond: func(c *dimse.Command) {
		c.Status = 0xA900
		if asked.Add(1) == 1 {
			c.Status = 0xA700
		}
	}})
	c := nodetest.Config(t.TempDir(), pacs.Address)
	got := collected(t, &c)
	n := startQuick(t, c)
	storedImages(t, n, "audited")
	sent, err := n.As("MODALITY", "XNET").StoreFiles(t.Context(), []string{nodetest.Image{Name: "audited", Rows: 64, Cols: 64}.File(t, t.TempDir())}, func() {})
	if err != nil || sent[0].Status != "C111" {
		t.Fatalf("other pixels: %+v, %v", sent, err)
	}
	cutOff(t, n.Addr, nodetest.Image{Name: "cut", Rows: 512, Cols: 512})
	const transferred, begin = `csd-code="110104"`, `csd-code="110102"`
	for _, c := range []struct {
		what  string
		parts []string
	}{
		{"refused", []string{transferred, `EventActionCode="R"`, `EventOutcomeIndicator="8"`, "C111", `UserID="MODALITY"`, nodetest.Image{Name: "audited"}.Instance(), nodetest.Image{Name: "audited"}.StudyInstance()}},
		{"cut off", []string{transferred, `EventOutcomeIndicator="4"`, `UserID="MODALITY"`, nodetest.Image{Name: "cut"}.Instance(), nodetest.Image{Name: "cut"}.StudyInstance()}},
		{"tried again", []string{transferred, `EventOutcomeIndicator="4"`, "A700", `UserID="PACS"`}},
		{"given up", []string{transferred, `EventOutcomeIndicator="8"`, "A900", `UserID="PACS"`}},
	} {
		var line string
		nodetest.Until(t, "a message of what was "+c.what, func() bool {
			line = lineWith(got.String(), c.parts...)
			return line != ""
		})
		if c.parts[len(c.parts)-1] != `UserID="PACS"` && !strings.Contains(line, "SIMULATED") { // those made by startQuick have no patient
			t.Errorf("%s without the patient: %s", c.what, line)
		}
		_, text, _ := strings.Cut(line, "\xEF\xBB\xBF")
		if err := audittest.Check([]byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	if n := strings.Count(got.String(), begin); n != 2 {
		t.Errorf("%d transfers begun, want 2", n)
	}
	if log := n.Log.String(); strings.Contains(log, "SIMULATED") || strings.Contains(log, "Simulated") {
		t.Errorf("the log names the patient:\n%s", log)
	}
}

// lineWith is the first line that has all parts, "" when none has.
func lineWith(text string, parts ...string) string {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

// cutOff sends half an image, more than one P-DATA-TF, and hangs up.
func cutOff(t *testing.T, address string, image nodetest.Image) {
	t.Helper()
	file := image.File(t, t.TempDir())
	h, err := scu.ReadHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	half := b[h.DatasetOffset : (int(h.DatasetOffset)+len(b))/2]
	client, err := nodetest.Calling("MODALITY", "XNET", address).Dial(t.Context(), scu.Proposals([]part10.Header{h})...)
	if err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(bytes.NewReader(half), iotest.ErrReader(errors.New("hangs up")))
	_, err = client.Store(t.Context(), scp.StoreRequest{SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID, TransferSyntaxUID: h.TransferSyntaxUID}, broken)
	if err == nil {
		t.Fatal("half an image was sent whole")
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
