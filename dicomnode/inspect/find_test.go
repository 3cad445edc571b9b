package inspect_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/inspect"
	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/uid"
)

const dxClass = "1.2.840.10008.5.1.4.1.1.1.1"

// header returns a data set with the UIDs of an image and no more.
func header(instance string) (b []byte) {
	for _, e := range []struct {
		tag   uint32
		value string
	}{{0x00080016, dxClass}, {0x00080018, instance}, {0x0020000D, "1.2.9"}, {0x0020000E, "1.2.8"}} {
		if len(e.value)%2 == 1 {
			e.value += "\x00"
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(e.tag>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(e.tag))
		b = append(b, "UI"...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.value)))
		b = append(b, e.value...)
	}
	return b
}

// Find looks at every image unless its query has a limit, and says when that left images out. The
// oldest three of five images are unrouted.
func TestFindLimit(t *testing.T) {
	a, err := archive.Open(t.Context(), archive.Options{Dir: durabletest.Dir(t), MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i, p := range []archive.Purpose{archive.Segment, archive.Segment, archive.Segment, archive.Keep, archive.Keep} {
		in := archive.Incoming{SOPClassUID: dxClass, SOPInstanceUID: fmt.Sprintf("1.2.3.%d", i+1), TransferSyntaxUID: uid.ExplicitVRLittleEndian,
			CallingAE: "DX", CalledAE: "XNET", Source: "dx", Purpose: p, Unrouted: func(archive.Object) bool { return true }}
		if _, err := a.Receive(t.Context(), in, bytes.NewReader(header(in.SOPInstanceUID))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		q       inspect.Query
		found   int
		limited bool
	}{
		{inspect.Query{}, 5, false},
		{inspect.Query{Limit: 5}, 5, false},
		{inspect.Query{Limit: 4}, 4, true},
		{inspect.Query{Term: "1.2.9", Limit: 2}, 2, true},
		{inspect.Query{State: inspect.Unrouted}, 3, false},
		{inspect.Query{State: inspect.Unrouted, Limit: 2}, 2, true},
		{inspect.Query{State: inspect.Kept, Limit: 3}, 2, true},
	} {
		found, limited, err := inspect.Find(t.Context(), a, configs.Default(), c.q)
		if err != nil || len(found) != c.found || limited != c.limited {
			t.Errorf("%+v: %d found, limited %v, %v", c.q, len(found), limited, err)
		}
	}
}
