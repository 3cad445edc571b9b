package node

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
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
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
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

// A peer whose TLS handshake fails is an alert (PS3.15 A.5.3.11), known by its address
// alone; one that only connects is none.
func TestAuditOfHandshakes(t *testing.T) {
	site := nodetest.NewSite(t, "modality", "pacs")
	c := site.Config(t.TempDir(), "127.0.0.1:104")
	got := collected(t, &c)
	n := startQuick(t, c)
	idle, err := net.Dial("tcp", n.Addr)
	if err == nil {
		err = idle.Close()
	}
	nobody, dialled := tls.Dial("tcp", n.Addr, &tls.Config{InsecureSkipVerify: true}) // without a certificate
	if err := errors.Join(err, dialled); err != nil {
		t.Fatal(err)
	}
	_, _ = nobody.Read(make([]byte, 1)) // what the node says to that
	_ = nobody.Close()
	var line string
	nodetest.Until(t, "an alert", func() bool {
		line = lineWith(got.String(), `csd-code="110113"`, `csd-code="110126"`, `EventOutcomeIndicator="4"`, `UserID="127.0.0.1" UserIsRequestor="false"`, `ParticipantObjectID="127.0.0.1"`)
		return line != ""
	})
	_, text, _ := strings.Cut(line, "\xEF\xBB\xBF")
	if err := audittest.Check([]byte(text)); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	_, value, _ := strings.Cut(text, `value="`)
	value, _, _ = strings.Cut(value, `"`)
	if words, err := base64.StdEncoding.DecodeString(value); err != nil || !strings.Contains(string(words), "the peer shows no certificate") {
		t.Errorf("alert says %q, %v", words, err)
	}
	if n := strings.Count(got.String(), `csd-code="110126"`); n != 1 {
		t.Errorf("%d alerts, want 1", n)
	}
}

// A C-STORE that is refused for its command is a failed transfer (PS3.15 A.5.3.7) of the
// patient in its data set.
func TestAuditOfRefusedCommand(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	got := collected(t, &c)
	n := startQuick(t, c)
	image := nodetest.Image{Name: "nameless", Rows: 64, Cols: 64}
	b, err := os.ReadFile(image.File(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	h, err := part10.ReadHeader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	p := scptest.Dial(t, n.Addr)
	p.SendPDU(&ul.Associate{ProtocolVersion: 1, Called: "XNET", Calling: "MODALITY", ApplicationContext: uid.ApplicationContext,
		Contexts: []ul.Context{{ID: 1, AbstractSyntax: h.SOPClassUID, TransferSyntaxes: []string{h.TransferSyntaxUID}}}, User: ul.UserInformation{ImplementationClassUID: "1.2.3"}})
	scptest.Expect[*ul.Associate](p)
	set, err := dimse.Encode(&dimse.Command{Field: dimse.CStoreRQ, AffectedSOPClassUID: h.SOPClassUID, MessageID: 1, DataSetType: dimse.HasDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageID | dimse.Priority | dimse.AffectedSOPClassUID})
	if err != nil {
		t.Fatal(err)
	}
	p.SendPDU(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Last: true, Data: set}}})
	p.SendPDU(&ul.PData{Values: []ul.PDV{{ContextID: 1, Last: true, Data: b[h.DatasetOffset:]}}})
	scptest.Expect[*ul.PData](p)
	var line string
	nodetest.Until(t, "a message of what was refused", func() bool {
		line = lineWith(got.String(), `csd-code="110104"`, `EventOutcomeIndicator="8"`, "0120", `UserID="MODALITY"`, image.StudyInstance(), "SIMULATED")
		return line != ""
	})
	_, text, _ := strings.Cut(line, "\xEF\xBB\xBF")
	if err := audittest.Check([]byte(text)); err != nil {
		t.Errorf("%v in\n%s", err, text)
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
