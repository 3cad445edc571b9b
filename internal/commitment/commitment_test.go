package commitment_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/commitment"
	"dicomnode/internal/uid"
)

var (
	first  = commitment.Reference{SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: "2.25.1"}
	second = commitment.Reference{SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: "2.25.22"}
	syntax = []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}
)

func TestRoundTrip(t *testing.T) {
	request := commitment.Request{TransactionUID: "2.25.9", References: []commitment.Reference{first, second}}
	results := []commitment.Result{
		{TransactionUID: "2.25.9", Committed: []commitment.Reference{first, second}},
		{TransactionUID: "2.25.9", Committed: []commitment.Reference{first}, Failed: []commitment.Failure{{Reference: second, Reason: 0x0112}}},
		{TransactionUID: "2.25.9", Failed: []commitment.Failure{{Reference: first, Reason: 0x0131}, {Reference: second, Reason: 0x0110}}},
	}
	for _, ts := range syntax {
		b, err := request.Encode(ts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := commitment.ReadRequest(bytes.NewReader(b), ts)
		if diff := cmp.Diff(request, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", uid.Name(ts), err, diff)
		}
		for _, want := range results {
			b, err := want.Encode(ts)
			if err != nil {
				t.Fatal(err)
			}
			got, err := commitment.ReadResult(bytes.NewReader(b), ts)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", uid.Name(ts), err, diff)
			}
		}
	}
}

// typed is event information in Implicit VR Little Endian with defined lengths, typed
// from PS3.4 Table J.3-2, with a Retrieve AE Title and a sequence of something else.
const typed = "08005400 04000000 50414353" + // (0008,0054) PACS
	"08009511 06000000 322e32352e39" + // (0008,1195) 2.25.9
	"08009811 2e000000 feff00e0 26000000" + // (0008,1198), an item
	"08005011 06000000 312e322e3300" + // (0008,1150) 1.2.3
	"08005511 06000000 322e32352e31" + // (0008,1155) 2.25.1
	"08009711 02000000 1201" + // (0008,1197) 0112H
	"40007502 1e000000 feff00e0 16000000 08005511 0e000000 322e32352e3737373737373737 00" // (0040,0275)

func typedBytes(t testing.TB) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
func TestTyped(t *testing.T) {
	b := typedBytes(t)
	got, err := commitment.ReadResult(bytes.NewReader(b), uid.ImplicitVRLittleEndian)
	want := commitment.Result{TransactionUID: "2.25.9", Failed: []commitment.Failure{
		{Reference: commitment.Reference{SOPClassUID: "1.2.3", SOPInstanceUID: "2.25.1"}, Reason: 0x0112}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestRefused(t *testing.T) {
	whole := typedBytes(t)
	noUID := bytes.Replace(whole, []byte("2.25.1"), []byte("2.25.x"), 1)
	noTransaction := bytes.Replace(whole, []byte("\x08\x00\x95\x11"), []byte("\x08\x00\x94\x11"), 1)
	for name, b := range map[string][]byte{
		"cut": whole[:len(whole)-30], "no UID": noUID, "no transaction": noTransaction, "nothing": nil,
		"too large": append(bytes.Clone(whole), bytes.Repeat([]byte("\x50\x00\x00\x00\x00\x10\x00\x00"+strings.Repeat("x", 0x1000)), 5000)...),
	} {
		if got, err := commitment.ReadResult(bytes.NewReader(b), uid.ImplicitVRLittleEndian); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	b, err := commitment.Request{TransactionUID: "2.25.9"}.Encode(uid.ExplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := commitment.ReadRequest(bytes.NewReader(b), uid.ExplicitVRLittleEndian); err == nil {
		t.Errorf("a request for nothing: got %+v", got)
	}
}

// FuzzRead: what is read can be written, and says the same again.
func FuzzRead(f *testing.F) {
	f.Add(typedBytes(f))
	for _, r := range []commitment.Result{{TransactionUID: "2.25.9", Committed: []commitment.Reference{first}}} {
		b, err := r.Encode(uid.ImplicitVRLittleEndian)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := commitment.ReadResult(bytes.NewReader(b), uid.ImplicitVRLittleEndian)
		if err != nil {
			return
		}
		again, err := got.Encode(uid.ExplicitVRLittleEndian)
		if err != nil {
			t.Fatal(err)
		}
		same, err := commitment.ReadResult(bytes.NewReader(again), uid.ExplicitVRLittleEndian)
		if diff := cmp.Diff(got, same); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
