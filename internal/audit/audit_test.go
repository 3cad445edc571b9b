package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/audit"
	"dicomnode/internal/audit/audittest"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const patience = 60 * time.Second

func spool(t *testing.T, dir string) *audit.Spool {
	t.Helper()
	s, err := audit.OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run sends until the test ends.
func run(t *testing.T, s *audit.Sender) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// next waits for a message.
func next(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case m := <-c:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		return ""
	}
}

var instance = audit.Instance{StudyInstanceUID: "1.2.3", SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", SOPInstanceUID: "1.2.3.4", PatientID: "4711", PatientName: "Doe^Jane"}

// datagrams is a collector over UDP (RFC 5426).
func datagrams(t *testing.T) (address string, messages <-chan string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	out := make(chan string, 100)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			out <- string(b[:n])
		}
	}()
	return c.LocalAddr().String(), out
}

// TestMessages pins what PS3.15 A.5.3 asks of each message, in the order of the events.
func TestMessages(t *testing.T) {
	dir := t.TempDir()
	s := spool(t, dir)
	l := audit.NewLog("XNET", s)
	pacs, modality := audit.AE{Title: "PACS", Address: "pacs.example"}, audit.AE{Title: "DX1", Address: "10.0.0.21"}
	moved := audit.Transfer{From: modality, To: pacs, Fresh: true}
	asked := audit.Transfer{From: audit.AE{Title: "XNET"}, To: pacs, User: "root", Fresh: true}
	failed := audit.Transfer{From: modality, To: pacs, Outcome: audit.SeriousFailure, Words: "A900 <mismatch>\n"}
	for _, err := range []error{
		l.Started("root"), l.Transferred(moved, instance, instance), l.Refused(audit.AE{Title: "<&>", Address: "10.9.9.9"}, "not listed"),
		l.Configured("root", "peers"), l.Transferred(moved, audit.Instance{SOPInstanceUID: "1.2.3"}), l.Begins(moved, instance), l.Transferred(failed, instance),
		l.Begins(asked, instance), l.Refused(audit.AE{Address: "10.9.9.8"}, "no certificate"),
		l.Erased("root", true, instance), l.Exported("root", "/media/usb", instance),
		l.Queried(audit.Query{From: audit.AE{Title: "XNET"}, To: pacs, User: "root", SOPClassUID: "1.2.840.10008.5.1.4.1.2.2.1", TransferSyntaxUID: "1.2.840.10008.1.2", Identifier: []byte("keys")}),
		l.Stopped("root"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	address, messages := datagrams(t)
	run(t, &audit.Sender{Spool: s, Address: address, Log: slog.New(slog.DiscardHandler)})
	const patient = `<ParticipantObjectIdentification ParticipantObjectID="4711" ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1"><ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" originalText="Patient Number"></ParticipantObjectIDTypeCode><ParticipantObjectName>Doe^Jane</ParticipantObjectName>`
	for _, want := range [][]string{
		{`<85>1 `, " DICOM+RFC3881 - \xEF\xBB\xBF<AuditMessage>", `EventActionCode="E"`, `EventOutcomeIndicator="0"`, `csd-code="110100"`, `csd-code="110120"`, `UserID="XNET"`, `AuditSourceID="XNET"`},
		{`EventActionCode="C"`, `csd-code="110104"`, `UserID="DX1"`, `UserIsRequestor="true"`, `NetworkAccessPointID="10.0.0.21" NetworkAccessPointTypeCode="2"`, `NetworkAccessPointID="pacs.example" NetworkAccessPointTypeCode="1"`, `csd-code="110153"`, `csd-code="110152"`, `ParticipantObjectID="1.2.3"`, `NumberOfInstances="2"`, `<Instance UID="1.2.3.4">`, patient},
		{`csd-code="110113"`, `csd-code="110126"`, `EventOutcomeIndicator="4"`, `UserID="&lt;&amp;&gt;" AlternativeUserID="AETITLES=&lt;&amp;&gt;" UserIsRequestor="false"`, `ParticipantObjectID="10.9.9.9"`, `ParticipantObjectTypeCodeRole="13"`, `value="bm90IGxpc3RlZA=="`},
		{`csd-code="110113"`, `csd-code="110131"`, `UserID="root" UserIsRequestor="true"`, `ParticipantObjectID="XNET@`},
		{`csd-code="110104"`, `ParticipantObjectID="unknown"`, `<SOPClass NumberOfInstances="1">`},
		{`EventActionCode="E"`, `csd-code="110102"`, `EventOutcomeIndicator="0"`, `csd-code="110153"`, `csd-code="110152"`, `<Instance UID="1.2.3.4">`, patient},
		{`EventActionCode="R"`, `csd-code="110104"`, `EventOutcomeIndicator="8"`, `<EventOutcomeDescription>A900 &lt;mismatch&gt;&#xA;</EventOutcomeDescription>`, `<Instance UID="1.2.3.4">`, patient},
		{`csd-code="110102"`, `UserID="XNET" AlternativeUserID="AETITLES=XNET" UserIsRequestor="false"`, `<ActiveParticipant UserID="root" UserIsRequestor="true"></ActiveParticipant>`, patient},
		{`csd-code="110126"`, `<ActiveParticipant UserID="10.9.9.8" UserIsRequestor="false" NetworkAccessPointID="10.9.9.8" NetworkAccessPointTypeCode="2">`, `ParticipantObjectID="10.9.9.8"`},
		{`EventActionCode="D"`, `csd-code="110105"`, `ParticipantObjectDataLifeCycle="15"`, patient},
		{`EventActionCode="R"`, `csd-code="110106"`, `csd-code="110154"`, `UserID="/media/usb"`, `<MediaType csd-code="110037"`, patient},
		{`EventActionCode="E"`, `csd-code="110112"`, `csd-code="110153"`, `csd-code="110152"`, `UserID="root" UserIsRequestor="true"`, `ParticipantObjectID="1.2.840.10008.5.1.4.1.2.2.1"`, `ParticipantObjectTypeCodeRole="24"`,
			`csd-code="110181"`, `<ParticipantObjectQuery>a2V5cw==</ParticipantObjectQuery><ParticipantObjectDetail type="TransferSyntax" value="MS4yLjg0MC4xMDAwOC4xLjI="`},
		{`csd-code="110121"`},
	} {
		m := next(t, messages)
		for _, part := range want {
			if !strings.Contains(m, part) {
				t.Errorf("no %s in\n%s", part, m)
			}
		}
		_, text, _ := strings.Cut(m, "\xEF\xBB\xBF")
		if err := audittest.Check([]byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "audit.spool"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("spool: %v, %v", info.Mode(), err)
	}
}

// TestOff: without a log nothing is made, and nobody need ask.
func TestOff(t *testing.T) {
	var l *audit.Log
	if l.Started("root") != nil || l.Refused(audit.AE{}, "") != nil || l.Configured("root", "") != nil || l.Erased("root", true, instance) != nil {
		t.Error("a log that is off fails")
	}
}

// collector is one over TLS (RFC 5425) that breaks some of its connections in the midst
// of what comes.
type collector struct {
	net.Listener
	roots  *x509.CertPool
	mu     sync.Mutex
	got    map[string]int
	broken int
}

func newCollector(t *testing.T, breaks int) *collector {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "collector"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{roots: x509.NewCertPool(), got: map[string]int{}, broken: breaks}
	c.roots.AddCert(leaf)
	if c.Listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		for {
			nc, err := c.Accept()
			if err != nil {
				return
			}
			c.read(nc)
		}
	}()
	return c
}

func (c *collector) read(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	for n := 0; ; n++ {
		length, err := r.ReadString(' ')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			return
		}
		m := make([]byte, size)
		if _, err := io.ReadFull(r, m); err != nil {
			return
		}
		c.mu.Lock()
		if n == 1 && c.broken > 0 {
			c.broken--
			c.mu.Unlock()
			_ = nc.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0) // a reset
			_ = nc.(*tls.Conn).NetConn().Close()
			return
		}
		_, text, _ := bytes.Cut(m, []byte("\xEF\xBB\xBF"))
		c.got[string(text)]++
		c.mu.Unlock()
	}
}

// TestNothingIsLost: while the collector is down, breaks connections, and the sender
// ends and begins anew, every message arrives at last.
func TestNothingIsLost(t *testing.T) {
	const messages = 40
	dir := t.TempDir()
	c := newCollector(t, 2)
	config := func() *tls.Config { return &tls.Config{RootCAs: c.roots, ServerName: "127.0.0.1"} }
	sender := func() *audit.Sender {
		return &audit.Sender{Spool: spool(t, dir), Address: c.Addr().String(), TLS: config, Log: slog.New(slog.DiscardHandler)}
	}
	s := sender()
	stop := run(t, s)
	other := spool(t, dir) // as another process has it
	for i := range messages {
		to := []*audit.Spool{s.Spool, other}[i%2]
		if err := to.Append(fmt.Appendf(nil, "<m>%d</m>", i)); err != nil {
			t.Fatal(err)
		}
		if i == messages/2 {
			stop()
			stop = run(t, sender())
		}
	}
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for arrived := 0; arrived < messages; <-tick.C {
		c.mu.Lock()
		arrived = len(c.got)
		c.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages arrived", arrived, messages)
		}
	}
}

// TestCutLine: what a crash left half written spoils no other message.
func TestCutLine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "audit.spool"), []byte("<m>1</m>\n<m>2</"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := spool(t, dir)
	if err := s.Append([]byte("<m>3</m>")); err != nil {
		t.Fatal(err)
	}
	if s.Append([]byte("<m>\n</m>")) == nil {
		t.Error("a message of two lines is taken")
	}
	address, messages := datagrams(t)
	run(t, &audit.Sender{Spool: s, Address: address, Log: slog.New(slog.DiscardHandler)})
	for _, want := range []string{"<m>1</m>", "<m>3</m>"} {
		if m := next(t, messages); !strings.HasSuffix(m, want) {
			t.Errorf("got %q, want %s", m, want)
		}
	}
}

// TestReadPatient: whoever is named in a data set is read from a part of it too.
func TestReadPatient(t *testing.T) {
	var ds iod.DataSet
	ds.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
	ds.Strings(tag.PatientName, "Müller^Jane")
	ds.Strings(tag.PatientID, "4711")
	ds.Strings(tag.PatientSex, "F")
	ds.Strings(tag.StudyInstanceUID, "1.2.3")
	ds.Strings(tag.SeriesInstanceUID, "1.2.3.4")
	var explicit, implicit bytes.Buffer
	if err := ds.Encode(&explicit); err != nil {
		t.Fatal(err)
	}
	if err := part10.Rewrite(&implicit, bytes.NewReader(explicit.Bytes()), uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian); err != nil {
		t.Fatal(err)
	}
	for ts, b := range map[string][]byte{uid.ExplicitVRLittleEndian: explicit.Bytes(), uid.ImplicitVRLittleEndian: implicit.Bytes(), uid.JPEGLossless: explicit.Bytes()} {
		if id, name := audit.ReadPatient(bytes.NewReader(b), ts); id != "4711" || name != "Müller^Jane" {
			t.Errorf("%s: Patient ID %q, name %q", uid.Name(ts), id, name)
		}
		for cut, want := range map[int][3]string{0: {"1.2.3", "4711", "Müller^Jane"}, 4: {"1.2.3", "4711", "Müller^Jane"}, 24: {"", "4711", "Müller^Jane"}} {
			study, id, name := audit.ReadIdentity(bytes.NewReader(b[:len(b)-cut]), ts)
			if got := [3]string{study, id, name}; got != want {
				t.Errorf("%s without its last %d bytes: %q, want %q", uid.Name(ts), cut, got, want)
			}
		}
	}
	if id, name := audit.ReadPatient(strings.NewReader("no data set"), uid.ExplicitVRLittleEndian); id != "" || name != "" {
		t.Errorf("of nothing: %q, %q", id, name)
	}
}
