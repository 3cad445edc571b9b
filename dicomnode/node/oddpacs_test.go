package node

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// oddPACSs are PACSs as they are met in the field: what becomes of a result, and what the
// log says of it.
var oddPACSs = []struct {
	name  string
	odd   nodetest.Oddity
	state archive.State // of the job; "" is delivered
	words string        // in the log
	hint  string
}{
	{"as it should", nodetest.Oddity{}, "", "", ""},
	{"mute", nodetest.Oddity{Mute: true}, archive.Retrying, "no answer to the A-ASSOCIATE-RQ within", "takes the connection and does not answer"},
	{"HTTP", nodetest.Oddity{Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n"}, archive.Retrying, "HTTP", "does not speak plain DICOM"},
	{"TLS", nodetest.Oddity{Greeting: "\x15\x03\x03\x00\x02\x02\x46"}, archive.Retrying, "TLS alert", "does not speak plain DICOM"},
	{"closes at once", nodetest.Oddity{Greeting: "\x02"}, archive.Retrying, "connection lost", "ended the connection"},
	{"congested", nodetest.Oddity{Answer: &ul.Reject{Result: 2, Source: 3, Reason: 1}}, archive.Retrying, "temporary congestion", "busy or starting"},
	{"called otherwise", nodetest.Oddity{Answer: &ul.Reject{Result: 1, Source: 1, Reason: 7}}, archive.Retrying, "called AE title not recognised", "ask for its AE title"},
	{"does not know us", nodetest.Oddity{Answer: &ul.Reject{Result: 1, Source: 1, Reason: 3}}, archive.Retrying, "calling AE title not recognised", "have it added there"},
	{"aborts the association", nodetest.Oddity{Answer: &ul.Abort{Source: 2}}, archive.Retrying, "aborted", "ended the connection"},
	{"refuses as user", nodetest.Oddity{Accept: results(1)}, archive.Retrying, "refused by the user", "may AE title XNET store it there?"},
	{"refuses without reason", nodetest.Oddity{Accept: results(2)}, archive.Retrying, "refused without a reason", "may AE title XNET store it there?"},
	{"knows no segmentation", nodetest.Oddity{Accept: results(3)}, archive.Quarantined, "SOP class not supported", "forms: [labelmap, sc, gsps]"},
	{"takes JPEG alone", nodetest.Oddity{Accept: results(4)}, archive.Quarantined, "transfer syntax not supported", "Implicit or Explicit VR Little Endian"},
	{"answers implicit everywhere", nodetest.Oddity{Accept: func(ac *ul.Associate) {
		for i := range ac.Contexts {
			ac.Contexts[i].TransferSyntaxes = []string{uid.ImplicitVRLittleEndian}
		}
	}}, "", "accepted in a transfer syntax that was not proposed", ""},
	{"pads UIDs", nodetest.Oddity{Accept: func(ac *ul.Associate) {
		for i, c := range ac.Contexts {
			ac.Contexts[i].TransferSyntaxes = []string{c.TransferSyntaxes[0] + "\x00"}
		}
	}}, "", "", ""},
	{"PDUs of 64 bytes", nodetest.Oddity{Accept: func(ac *ul.Associate) { ac.User.MaximumLength = 64 }}, "", "", ""},
	{"PDUs of any length", nodetest.Oddity{Accept: func(ac *ul.Associate) { ac.User.MaximumLength = 0 }}, "", "", ""},
	{"closes after each", nodetest.Oddity{Then: func(nc net.Conn) { _ = nc.Close() }}, "", "", ""},
	{"releases after each", nodetest.Oddity{Then: nodetest.SendThen(&ul.Release{}, false)}, "", "", ""},
	{"aborts after each", nodetest.Oddity{Then: nodetest.SendThen(&ul.Abort{}, true)}, "", "", ""},
	{"wrong message ID", nodetest.Oddity{Respond: func(c *dimse.Command) { c.MessageIDBeingRespondedTo += 7 }}, "", "message ID of another request", ""},
	{"announces a data set", nodetest.Oddity{Respond: func(c *dimse.Command) { c.DataSetType = dimse.HasDataset }}, "", "announces a data set", ""},
	{"no UIDs", nodetest.Oddity{Respond: func(c *dimse.Command) { c.Present &^= dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID }}, "", "", ""},
	{"a message ID too many", nodetest.Oddity{Respond: func(c *dimse.Command) { c.Present |= dimse.MessageID }}, "", "", ""},
	{"byte by byte", nodetest.Oddity{Pieces: nodetest.Bytewise}, "", "", ""},
	{"no status", nodetest.Oddity{Respond: func(c *dimse.Command) { c.Present &^= dimse.StatusElement }}, archive.Retrying, "invalid command set", "cannot be understood"},
	{"aborts within", nodetest.Oddity{During: nodetest.SendThen(&ul.Abort{}, true)}, archive.Retrying, "aborted by the peer", "ended the connection"},
	{"resets within", nodetest.Oddity{During: nodetest.Reset}, archive.Retrying, "connection", "ended the connection"},
	{"never answers", nodetest.Oddity{Silent: true}, archive.Retrying, "no response within 1s", "does not answer"},
	{"B000", status(0xB000, ""), "", "", ""},
	{"B006", status(0xB006, ""), "", "", ""},
	{"B007", status(0xB007, ""), "", "", ""},
	{"0111", status(0x0111, ""), "", "", ""},
	{"A700", status(0xA700, "Archive offline, call 1234"), archive.Retrying, "Archive offline, call 1234", "free some space"},
	{"0110", status(0x0110, ""), archive.Retrying, "status 0110 (processing failure)", "the log of PACS says why"},
	{"0124", status(0x0124, ""), archive.Retrying, "not authorized", "AE title allowed"},
	{"0210", status(0x0210, ""), archive.Retrying, "status 0210", "the log of PACS"},
	{"0105", status(0x0105, ""), archive.Retrying, "status 0105", "the log of PACS"},
	{"C001", status(0xC001, "DB locked, try later"), archive.Retrying, "DB locked, try later", "the log of PACS"},
	{"A900", status(0xA900, ""), archive.Quarantined, "status A900", "send another form"},
	{"0122", status(0x0122, ""), archive.Quarantined, "status 0122", "forms: ["},
}

// results gives each presentation context that result (PS3.8 Table 9-18).
func results(result byte) func(*ul.Associate) {
	return func(ac *ul.Associate) {
		for i := range ac.Contexts {
			ac.Contexts[i].Result = result
		}
	}
}

func status(s uint16, comment string) nodetest.Oddity {
	return nodetest.Oddity{Respond: func(c *dimse.Command) {
		if c.Status, c.ErrorComment = s, comment; comment != "" {
			c.Present |= dimse.ErrorComment
		}
	}}
}

// One image goes to forty PACSs, two that are not there among them: each result is
// delivered, or the log says why not and what to do, and the job is tried again or
// quarantined as it should be. None is silent, and none gets an object twice in one try.
func TestOddPACSs(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:1")
	c.Network.ResponseTimeout, c.Network.RequestTimeout = time.Second, time.Second
	c.Peers[1].Name = "down"
	c.Peers = append(c.Peers, configs.Peer{Name: "nohost", AETitle: "PACS", Address: "no-such-pacs.invalid:104"})
	c.Routes[0].SendTo = []string{"down", "nohost"}
	pacs := map[string]*nodetest.OddPACS{}
	for i, o := range oddPACSs {
		name := fmt.Sprintf("odd-%d", i)
		pacs[name] = nodetest.NewOddPACS(t, o.odd)
		c.Peers = append(c.Peers, configs.Peer{Name: name, AETitle: "PACS", Address: pacs[name].Address})
		c.Routes[0].SendTo = append(c.Routes[0].SendTo, name)
	}
	n := startNode(t, c)
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	state := func(name string) (archive.State, string) {
		entries, err := n.archive.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(entries, func(e archive.Entry) bool { return e.Destination == name })
		if i < 0 {
			return "", ""
		}
		return entries[i].State, entries[i].Reason
	}
	lines := func(name string) (all string) {
		for line := range strings.Lines(n.Log.String()) {
			if strings.Contains(line, "destination="+name+" ") {
				all += line
			}
		}
		return all
	}
	check := func(name string, want archive.State, words, hint string) {
		t.Helper()
		var got archive.State
		var reason string
		nodetest.Until(t, name, func() bool {
			got, reason = state(name)
			return lines(name) != "" && (got == want || got == archive.Waiting && reason != "" && want == archive.Retrying)
		})
		log := lines(name)
		if want != "" && !strings.Contains(log, "level=WARN") || want == archive.Quarantined && !strings.Contains(log, `level=ERROR msg="job quarantined"`) {
			t.Errorf("silent:\n%s", log)
		}
		if !strings.Contains(log, words) || !strings.Contains(log, hint) || !strings.Contains(reason, hint) {
			t.Errorf("want %q and the hint %q; the job says %q:\n%s", words, hint, reason, log)
		}
	}
	for i, o := range oddPACSs {
		t.Run(o.name, func(t *testing.T) {
			name := fmt.Sprintf("odd-%d", i)
			check(name, o.state, o.words, o.hint)
			if most := pacs[name].Most(); o.state == "" && most != 1 {
				t.Errorf("the object came %d times", most)
			}
		})
	}
	check("down", archive.Retrying, "connection refused", "nothing listens on 127.0.0.1:1")
	check("nohost", archive.Retrying, "lookup no-such-pacs.invalid", "cannot resolve no-such-pacs.invalid")
}

// A destination that closes the connection in place of an A-RELEASE-RP answers a probe all the
// same, also one that knows no Verification: after one failure it gets the next delivery.
func TestAProbeThatEndsAbruptly(t *testing.T) {
	for name, accept := range map[string]func(*ul.Associate){"verifies": nil, "knows no Verification": results(3)} {
		pacs := nodetest.NewOddPACS(t, nodetest.Oddity{Abrupt: true, Accept: accept})
		c := nodetest.Config(t.TempDir(), pacs.Address)
		n := &Node{log: slog.New(slog.DiscardHandler)}
		n.config.Store(&c)
		if err := n.probe(t.Context(), c.Peers[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A destination gets the next of its forms when it refuses one, and later images in that
// form at once; the log says it once.
func TestNextForm(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{Classes: []string{uid.SecondaryCaptureImageStorage}})
	c := nodetest.Config(t.TempDir(), pacs.Address)
	c.Peers[1].Forms = []string{configs.Labelmap, configs.Binary, configs.SC}
	n := startNode(t, c)
	for i := range 2 {
		file := nodetest.Image{Name: fmt.Sprint("image", i), Rows: 300, Cols: 240}.File(t, t.TempDir())
		nodetest.Store(t, n.As("MODALITY", "XNET"), []string{file})
		if s := n.Settle(t); s.Quarantined > 0 || pacs.Got(uid.SecondaryCaptureImageStorage) != i+1 {
			t.Fatalf("image %d: %d captures arrived, %d jobs are quarantined", i, pacs.Got(uid.SecondaryCaptureImageStorage), s.Quarantined)
		}
	}
	for _, want := range []string{"refused=\"Label Map Segmentation Storage\" instead=binary", "refused=\"Segmentation Storage\" instead=sc"} {
		if got := strings.Count(n.Log.String(), want); got != 1 {
			t.Errorf("the log has %q %d times, want once", want, got)
		}
	}
	if strings.Contains(n.Log.String(), "destination fails") {
		t.Error("the destination is called failing")
	}
	made, err := n.archive.Results(t.Context(), 1)
	if err != nil || len(made) != 3 {
		t.Errorf("%d results of the first image, want one of each form: %v", len(made), err)
	}
	last, err := n.archive.Queue(t.Context())
	if err != nil || len(last) != 0 {
		t.Errorf("%d jobs are left: %v", len(last), err)
	}
}

// When it refuses them all, the last one is quarantined.
func TestNoFormLeft(t *testing.T) {
	c := nodetest.Config(t.TempDir(), nodetest.NewOddPACS(t, nodetest.Oddity{Classes: []string{uid.Verification}}).Address)
	c.Peers[1].Forms = []string{configs.Labelmap, configs.SC}
	n := startNode(t, c)
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "image", Rows: 300, Cols: 240}.File(t, t.TempDir())})
	if e := quarantined(t, n); !strings.Contains(e.Reason, "Secondary Capture Image Storage") {
		t.Errorf("the job says %q", e.Reason)
	}
}
