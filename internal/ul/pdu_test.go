package ul_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// sameMeaning compares PDUs and ignores the padding of decoded requests.
var sameMeaning = cmpopts.IgnoreUnexported(ul.Associate{})

func request() *ul.Associate {
	return &ul.Associate{
		ProtocolVersion: 1, Called: "XNET", Calling: "PACS", ApplicationContext: uid.ApplicationContext,
		Contexts: []ul.Context{{ID: 1, AbstractSyntax: "1.2.840.10008.1.1", TransferSyntaxes: []string{"1.2.840.10008.1.2"}}},
		User: ul.UserInformation{MaximumLength: 16384, ImplementationClassUID: "1.2.3", ImplementationVersionName: "TEST", Window: &ul.Window{Invoked: 0, Performed: 1},
			Roles: []ul.Role{{SOPClassUID: "1.2.840.10008.1.20.1", SCP: true}, {SOPClassUID: "1.2.840.10008.1.1", SCU: true, SCP: true}}},
	}
}

func answer() *ul.Associate {
	a := request()
	a.Accept = true
	a.Contexts = []ul.Context{
		{ID: 1, TransferSyntaxes: []string{"1.2.840.10008.1.2"}},
		{ID: 3, Result: ul.AbstractSyntaxUnsupported},
	}
	return a
}

var pdus = map[string]ul.PDU{
	"A-ASSOCIATE-RQ": request(),
	"A-ASSOCIATE-AC": answer(),
	"A-ASSOCIATE-RJ": &ul.Reject{Result: 1, Source: 1, Reason: 7},
	"A-RELEASE-RQ":   &ul.Release{},
	"A-RELEASE-RP":   &ul.Release{Response: true},
	"A-ABORT":        &ul.Abort{Source: 2, Reason: 6},
	"P-DATA-TF": &ul.PData{Values: []ul.PDV{
		{ContextID: 1, Command: true, Last: true, Data: []byte{1, 2}},
		{ContextID: 3, Last: true, Data: []byte{}},
	}},
}

func TestRoundTrip(t *testing.T) {
	for name, want := range pdus {
		b, err := ul.Encode(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := ul.Decode(b[0], b[6:])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, sameMeaning); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBytes pins the bytes of the fixed PDUs, typed from PS3.8 9.3.4 to 9.3.8.
func TestBytes(t *testing.T) {
	for name, want := range map[string]string{
		"A-ASSOCIATE-RJ": "03 00 00000004 00 01 01 07",
		"A-RELEASE-RQ":   "05 00 00000004 00000000",
		"A-RELEASE-RP":   "06 00 00000004 00000000",
		"A-ABORT":        "07 00 00000004 00 00 02 06",
		"P-DATA-TF":      "04 00 0000000e 00000004 01 03 0102 00000002 03 02",
	} {
		got, err := ul.Encode(pdus[name])
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(want, " ", ""); hex.EncodeToString(got) != want {
			t.Errorf("%s: got %x, want %s", name, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := ul.Encode(request())
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, b ...byte) []byte {
		body := bytes.Clone(good[6:])
		copy(body[at:], b)
		return body
	}
	twice := request()
	twice.Contexts = append(twice.Contexts, twice.Contexts[0])
	even := request()
	even.Contexts[0].ID = 2
	none := request()
	none.Contexts = nil
	two := request()
	two.Contexts[0].TransferSyntaxes = []string{"1.2.840.10008.1.2", "1.2.840.10008.1.2"}
	body := func(p ul.PDU) []byte {
		b, err := ul.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		return b[6:]
	}
	for name, c := range map[string]struct {
		kind byte
		body []byte
	}{
		"unknown type":              {0x47, nil},
		"short A-ASSOCIATE-RQ":      {1, good[6:40]},
		"item longer than the PDU":  {1, with(70, 0xFF, 0xFF)},
		"application context text":  {1, with(72, 'h', 't')},
		"context twice":             {1, body(twice)},
		"even context":              {1, body(even)},
		"no context":                {1, body(none)},
		"A-ABORT of 3 bytes":        {7, []byte{0, 0, 0}},
		"P-DATA-TF without PDV":     {4, nil},
		"two abstract syntaxes":     {1, bytes.Replace(body(two), []byte{0x40}, []byte{0x30}, 1)},
		"PDV longer than the PDU":   {4, []byte{0, 0, 0xFF, 0xFF, 1, 3, 0, 0}},
		"PDV of one byte":           {4, []byte{0, 0, 0, 1, 1, 3}},
		"PDV of 0xFFFFFFFF":         {4, []byte{0xFF, 0xFF, 0xFF, 0xFF, 1, 3}},
		"PDV header cut":            {4, []byte{0, 0, 0}},
		"role of no length":         {1, bytes.Replace(good[6:], []byte("\x00\x141.2.840.10008.1.20.1"), []byte("\x00\x151.2.840.10008.1.20.1"), 1)},
		"A-ASSOCIATE-RJ of 5 bytes": {3, make([]byte, 5)},
	} {
		p, err := ul.Decode(c.kind, c.body)
		var broken *ul.ProtocolError
		if !errors.As(err, &broken) {
			t.Errorf("%s: got %+v, %v; want a protocol error", name, p, err)
		}
	}
}

// TestDecodeForgives: errors in a request that do no harm, because the field is only
// informative or its meaning is clear.
func TestDecodeForgives(t *testing.T) {
	good, err := ul.Encode(request())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, with string
		want      func(*ul.Associate)
	}{
		"title padded with zeros":        {"XNET            ", "XNET" + strings.Repeat("\x00", 12), func(*ul.Associate) {}},
		"title behind spaces":            {"PACS            ", "  PACS          ", func(*ul.Associate) {}},
		"implementation class no UID":    {"R\x00\x00\x051.2.3", "R\x00\x00\x05HELLO", func(a *ul.Associate) { a.User.ImplementationClassUID = "" }},
		"implementation class empty":     {"R\x00\x00\x051.2.3", "\x5f\x00\x00\x01xR\x00\x00\x00", func(a *ul.Associate) { a.User.ImplementationClassUID = "" }},
		"implementation name with bytes": {"TEST", "\xe4\nST", func(a *ul.Associate) { a.User.ImplementationVersionName = "" }},
		"blank called AE title":          {"XNET            ", strings.Repeat(" ", 16), func(a *ul.Associate) { a.Called = "" }},
		"AE title not ASCII":             {"PACS            ", "P\xC4CS            ", func(a *ul.Associate) { a.Calling = "P\xC4CS" }},
		"abstract syntax no UID":         {"1.2.840.10008.1.1", "PRIVATE.CLASS.1.1", func(a *ul.Associate) { a.Contexts[0].AbstractSyntax = "" }},
		"transfer syntax no UID":         {"\x111.2.840.10008.1.2", "\x11PRIVATE.SYNTAX.12", func(a *ul.Associate) { a.Contexts[0].TransferSyntaxes = nil }},
		"role of no UID":                 {"1.2.840.10008.1.20.1", "PRIVATE.CLASS.1.20.1", func(a *ul.Associate) { a.User.Roles = a.User.Roles[1:] }},
		"UID padded with zero":           {"1.2.840.10008.1.2", "1.2.840.10008.1\x00\x00", func(a *ul.Associate) { a.Contexts[0].TransferSyntaxes[0] = "1.2.840.10008.1" }},
	} {
		b := bytes.Replace(good[6:], []byte(c.old), []byte(c.with), 1)
		want := request()
		c.want(want)
		got, err := ul.Decode(good[0], b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(ul.PDU(want), got, sameMeaning); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRoleBytes pins an SCP/SCU role selection, typed from PS3.7 Table D.3-9.
func TestRoleBytes(t *testing.T) {
	b, err := ul.Encode(request())
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("\x54\x00\x00\x18" + "\x00\x14" + "1.2.840.10008.1.20.1" + "\x00\x01")
	if !bytes.Contains(b, want) {
		t.Errorf("no role selection %x in %x", want, b)
	}
}

// TestLongImplementationName: a name of more than 16 characters is truncated, not refused.
func TestLongImplementationName(t *testing.T) {
	rq := request()
	rq.User.ImplementationVersionName = "A NAME OVER 16 CHARACTERS"
	b, err := ul.Encode(rq)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ul.Decode(b[0], b[6:])
	if err != nil {
		t.Fatal(err)
	}
	if name := got.(*ul.Associate).User.ImplementationVersionName; name != "A NAME OVER 16 C" {
		t.Errorf("got name %q", name)
	}
}

// TestAnswer: bytes 11 to 74 of an A-ASSOCIATE-AC are those of the request,
// however it padded them (PS3.8 Table 9-17).
func TestAnswer(t *testing.T) {
	b, err := ul.Encode(request())
	if err != nil {
		t.Fatal(err)
	}
	copy(b[10:], "  XNET\x00\x00")
	copy(b[26:], " PACS ")
	copy(b[42:], "reserved bytes")
	rq, err := ul.Decode(b[0], b[6:])
	if err != nil {
		t.Fatal(err)
	}
	ac := rq.(*ul.Associate).Answer()
	ac.Contexts = answer().Contexts
	got, err := ul.Encode(ac)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[10:74], b[10:74]) {
		t.Errorf("got %q, want %q", got[10:74], b[10:74])
	}
}

func TestReject(t *testing.T) {
	const want = "rejected permanently by the service user: called AE title not recognised"
	if got := ul.RejectCalledAETitle.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for rj, want := range map[ul.Reject]bool{{1, 1, 7}: true, {2, 3, 2}: true, {}: false, {1, 1, 4}: false, {3, 1, 1}: false, {1, 2, 3}: false} {
		if rj.Known() != want {
			t.Errorf("%+v: got known = %v", rj, !want)
		}
	}
	if got := (ul.Reject{9, 9, 9}).String(); got != "(code 9) (code 9): (code 9)" {
		t.Errorf("unknown codes: got %q", got)
	}
}

func BenchmarkDecodeAssociate(b *testing.B) {
	encoded, err := ul.Encode(request())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ul.Decode(encoded[0], encoded[6:]); err != nil {
			b.Fatal(err)
		}
	}
}
