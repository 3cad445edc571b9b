package audit

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// A large value before the patient is passed over, not collected; one of the patient's
// own that is too large ends the reading.
func TestHeadsPassOver(t *testing.T) {
	element := func(group, number uint16, v []byte) []byte {
		b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, group), number)
		return append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	feed := func(b []byte) (h heads, most int) {
		h.last = patientID
		for ; len(b) > 0; b = b[min(len(b), 4096):] {
			if _, err := h.Write(b[:min(len(b), 4096)]); err != nil {
				break
			}
			most = max(most, len(h.buf))
		}
		return h, most
	}
	large := bytes.Repeat([]byte{1}, 3<<20+6)
	h, most := feed(append(element(0x0009, 0x1010, large), element(0x0010, 0x0020, []byte("4711"))...))
	if string(h.id) != "4711" || most > 8192 {
		t.Errorf("Patient ID %q, %d bytes kept of a value nobody wants", h.id, most)
	}
	if h, most := feed(element(0x0010, 0x0010, large)); h.name != nil || most > longest {
		t.Errorf("a name of %d bytes, %d kept", len(h.name), most)
	}
}
