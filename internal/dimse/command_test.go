package dimse_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/dimse"
)

func store() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CStoreRQ, AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", AffectedSOPInstanceUID: "1.2.3",
		MessageID: 7, Priority: 2, DataSetType: dimse.HasDataset, MoveOriginatorAETitle: "PACS", MoveOriginatorMessageID: 3,
		Present: dimse.CommandField | dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID | dimse.MessageID | dimse.Priority |
			dimse.CommandDataSetType | dimse.MoveOriginatorAETitle | dimse.MoveOriginatorMessageID,
	}
}

func failed() *dimse.Command {
	return &dimse.Command{
		Field: dimse.CStoreRSP, MessageIDBeingRespondedTo: 7, DataSetType: dimse.NoDataset, Status: 0xA700, ErrorComment: "spool full",
		Present: dimse.CommandField | dimse.MessageIDBeingRespondedTo | dimse.CommandDataSetType | dimse.StatusElement | dimse.ErrorComment,
	}
}

// echoRQ is a C-ECHO-RQ typed from PS3.7 Table 9.3-12 and E.1-1.
const echoRQ = "00000000 04000000 38000000" + // group length 56
	"00000200 12000000 312e322e3834302e31303030382e312e3100" + // 1.2.840.10008.1.1
	"00000001 02000000 3000" + // C-ECHO-RQ
	"00001001 02000000 0100" + // message ID 1
	"00000008 02000000 0101" // no data set

func echoBytes(t testing.TB) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(echoRQ, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEchoBytes(t *testing.T) {
	want := &dimse.Command{
		Field: dimse.CEchoRQ, AffectedSOPClassUID: "1.2.840.10008.1.1", MessageID: 1, DataSetType: dimse.NoDataset,
		Present: dimse.AffectedSOPClassUID | dimse.CommandField | dimse.MessageID | dimse.CommandDataSetType,
	}
	got, err := dimse.Decode(echoBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	b, err := dimse.Encode(want)
	if err != nil || !bytes.Equal(b, echoBytes(t)) {
		t.Errorf("encoded: got %x, %v\nwant %x", b, err, echoBytes(t))
	}
}

func TestCommandRoundTrip(t *testing.T) {
	for _, want := range []*dimse.Command{store(), failed()} {
		b, err := dimse.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dimse.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := got.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	echo := echoBytes(t)
	patch := func(at int, with ...byte) []byte {
		b := bytes.Clone(echo)
		copy(b[at:], with)
		return b
	}
	for name, b := range map[string][]byte{
		"cut in a header":        echo[:15],
		"cut in a value":         echo[:25],
		"length of 0xFFFFFFFE":   patch(16, 0xFE, 0xFF, 0xFF, 0xFF),
		"undefined length":       patch(16, 0xFF, 0xFF, 0xFF, 0xFF),
		"odd length":             patch(16, 0x11),
		"other group":            patch(12, 8),
		"descending order":       patch(14, 0),
		"two UIDs":               patch(25, '\\'),
		"message ID of no bytes": append(bytes.Clone(echo[:48]), 0, 0, 0x10, 1, 0, 0, 0, 0),
		"too long":               append([]byte{0, 0, 0, 1, 0, 0x80, 0, 0}, make([]byte, 0x8000)...),
	} {
		if c, err := dimse.Decode(b); err == nil {
			t.Errorf("%s: got %+v, want an error", name, c)
		}
	}
}

// TestDecodeForgives: what a command set may have wrong, or hold besides, without
// harm.
func TestDecodeForgives(t *testing.T) {
	echo := echoBytes(t)
	want, err := dimse.Decode(echo)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(at int, element string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(element, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(echo[:at], b, echo[at:])
	}
	patch := func(at int, with byte) []byte {
		b := bytes.Clone(echo)
		b[at] = with
		return b
	}
	for name, b := range map[string][]byte{
		"empty move originator ID":      insert(len(echo), "0000 3110 00000000"),
		"wrong group length":            patch(8, 4),
		"no group length":               echo[12:],
		"UID padded with a space":       patch(37, ' '),
		"length to end, retired":        insert(12, "00000100 04000000 5a000000"),
		"recognition code, retired":     insert(38, "00001000 0c000000 4143522d4e454d4120322e30"),
		"offending element cut":         insert(len(echo), "00000109 02000000 0800"),
		"unknown element":               insert(len(echo), "0000aabb 02000000 3f3f"),
		"text where a number should be": insert(len(echo), "00000310 06000000 312e322e3300"), // (0000,1003): no element of PS3.7 E.1
	} {
		got, err := dimse.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestErrorComment: a comment is one value, and a peer that quotes a path in it
// is understood.
func TestErrorComment(t *testing.T) {
	rsp := failed()
	rsp.ErrorComment = `cannot write D:\images\1`
	b, err := dimse.Encode(rsp)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dimse.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.ErrorComment != rsp.ErrorComment || got.Status != rsp.Status {
		t.Errorf("got %+v, want %+v", got, rsp)
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]*dimse.Command{
		"request without message ID": {Field: dimse.CEchoRQ, Present: dimse.CommandField | dimse.CommandDataSetType},
		"response without status":    {Field: dimse.CEchoRSP, Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo},
		"empty":                      {},
	} {
		if c.Check() == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// FuzzCommand: what decodes must encode, and decode to the same again.
func FuzzCommand(f *testing.F) {
	f.Add(echoBytes(f))
	for _, c := range []*dimse.Command{store(), failed()} {
		b, err := dimse.Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := dimse.Decode(b)
		if err != nil {
			return
		}
		again, err := dimse.Encode(c)
		if err != nil {
			t.Fatalf("decoded but cannot encode: %v", err)
		}
		d, err := dimse.Decode(again)
		if err != nil {
			t.Fatalf("encoded but cannot decode: %v", err)
		}
		if diff := cmp.Diff(c, d); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
