package scp_test

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// raw encodes a request and changes its bytes.
func raw(t *testing.T, rq *ul.Associate, old, with string) []byte {
	t.Helper()
	b, err := ul.Encode(rq)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(b, []byte(old), []byte(with), 1)
	if len(old) != len(with) || bytes.Equal(b, changed) {
		t.Fatalf("cannot put %q for %q", with, old)
	}
	return changed
}

// TestAETitleBytes: an invalid AE title is rejected like an unknown one.
func TestAETitleBytes(t *testing.T) {
	addr, log := serve(t, &backend{})
	for name, c := range map[string]struct {
		old, with string
		want      ul.Reject
	}{
		"calling not ASCII":        {"PACS            ", "P\xC4CS            ", ul.RejectCallingAETitle},
		"calling blank":            {"PACS            ", strings.Repeat(" ", 16), ul.RejectCallingAETitle},
		"calling with a backslash": {"PACS            ", `P\CS            `, ul.RejectCallingAETitle},
		"called not ASCII":         {"XNET            ", "XN\xCBT            ", ul.RejectCalledAETitle},
	} {
		t.Run(name, func(t *testing.T) {
			p := scptest.Dial(t, addr)
			p.Send(raw(t, request(), c.old, c.with))
			if got := scptest.Expect[*ul.Reject](p); *got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if s := log.String(); strings.Contains(s, "\xC4") || strings.Contains(s, "\xCB") {
		t.Errorf("log holds bytes of the titles: %q", s)
	}
}

// TestOneBadProposal: only the presentation context with an invalid UID is rejected, and the
// log names it.
func TestOneBadProposal(t *testing.T) {
	addr, log := serve(t, &backend{})
	rq := request(
		ul.Context{ID: 1, AbstractSyntax: "1.2.840.10008.9.9.9", TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		ul.Context{ID: 3, AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		ul.Context{ID: 5, AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.JPEGLosslessSV1}},
		ul.Context{ID: 7, AbstractSyntax: dxImage, TransferSyntaxes: []string{"1.2.3.4.5.6.7.8.9"}},
	)
	b := raw(t, rq, "1.2.840.10008.9.9.9", "PRIVATE SOP CLASS!!")
	b = bytes.Replace(b, []byte("1.2.3.4.5.6.7.8.9"), []byte("NO TRANSFERSYNTAX"), 1)
	p := scptest.Dial(t, addr)
	p.Send(b)
	ac := scptest.Expect[*ul.Associate](p)
	var got []byte
	for _, c := range ac.Contexts {
		got = append(got, c.Result)
	}
	if want := []byte{ul.AbstractSyntaxUnsupported, ul.Acceptance, ul.TransferSyntaxUnsupported, ul.TransferSyntaxUnsupported}; !bytes.Equal(got, want) {
		t.Errorf("got results %v, want %v", got, want)
	}
	p.SendPDU(commandPDU(t, echoRQ(), 3)) // when the answer arrives, the log has been written
	expectResponse(t, p)
	for _, want := range []string{"presentation contexts refused", "Digital X-Ray Image Storage - For Presentation in JPEG Lossless", "transfer syntax not supported", "(no UID) in Implicit VR Little Endian: SOP class not supported"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
	if n := strings.Count(log.String(), "presentation contexts refused"); n != 1 {
		t.Errorf("refused contexts told %d times, want once an association", n)
	}
}

// TestEmptyMoveOriginator: informative elements of PS3.7 Table 9.3-1 may be empty.
func TestEmptyMoveOriginator(t *testing.T) {
	b := &backend{}
	addr, _ := serve(t, b)
	p := associate(t, addr)
	set, err := dimse.Encode(storeRQ())
	if err != nil {
		t.Fatal(err)
	}
	set = append(set, 0, 0, 0x30, 0x10, 0, 0, 0, 0, 0, 0, 0x31, 0x10, 0, 0, 0, 0)
	set[8] += 16 // group length
	p.SendPDU(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Last: true, Data: set}}})
	p.SendPDU(dataPDU(true, "data"))
	if rsp := expectResponse(t, p); rsp.Status != 0 {
		t.Errorf("got status %04X, want success", rsp.Status)
	}
}

// TestHealthCheck: a connection that is opened and closed without data gives no warning. One
// with another protocol gives a warning with its name.
func TestHealthCheck(t *testing.T) {
	b := &backend{}
	addr, log := serve(t, b)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.Close()
	for _, bytes := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"} {
		p := scptest.Dial(t, addr)
		p.Send([]byte(bytes))
		scptest.Expect[*ul.Abort](p)
	}
	associate(t, addr)
	for _, want := range []string{"a HTTP request", "a TLS handshake"} { // written after the A-ABORT
		for end := time.Now().Add(patience); !strings.Contains(log.String(), want); <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("log lacks %q:\n%s", want, log)
			}
		}
	}
	if n := strings.Count(log.String(), "WARN"); n != 2 {
		t.Errorf("%d warnings, want those of HTTP and TLS alone:\n%s", n, log)
	}
}

// TestSilentStrangers: the oldest connections without a request are closed to make room for new
// ones; open associations stay.
func TestSilentStrangers(t *testing.T) {
	addr, log := serve(t, &backend{}, func(s *scp.Server) { s.MaxPending = 4 })
	admitted := associate(t, addr)
	silent := make([]net.Conn, 20)
	for i := range silent {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		silent[i] = nc
	}
	for _, nc := range silent[:len(silent)-4] {
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := nc.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Fatalf("a connection that is one too many stays: %v", err)
		}
	}
	associate(t, addr)
	admitted.SendPDU(commandPDU(t, echoRQ(), 3))
	if rsp := expectResponse(t, admitted); rsp.Status != 0 {
		t.Errorf("got status %04X from the association that stood before", rsp.Status)
	}
	if !strings.Contains(log.String(), "closed to make room") {
		t.Errorf("log does not tell of it:\n%s", log)
	}
}
