package scp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/uid"
)

// This file encodes and decodes PDUs and command sets independently, from the tables of PS3.8
// 9.3 and PS3.7 9.3 and E.1, so that the Server's answers are not compared with its own code.

// stream contains the PDUs that a peer sent on one connection.
type stream [][]byte

// readStream reads hexadecimal; a line that begins with # is a comment.
func readStream(t testing.TB, path string) stream {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.TrimSpace(line))
		}
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	pdus := pdusOf(b)
	if len(pdus) == 0 || pdus[0][0] != 1 {
		t.Fatalf("%s does not begin with an A-ASSOCIATE-RQ", path)
	}
	return pdus
}

func pdusOf(b []byte) (pdus stream) {
	for len(b) > 0 {
		n := 6 + int(binary.BigEndian.Uint32(b[2:6]))
		pdus, b = append(pdus, b[:n]), b[n:]
	}
	return pdus
}

// pdv is a presentation data value (PS3.8 9.3.5.1).
type pdv struct {
	context, control byte
	data             []byte
}

func (v pdv) command() bool { return v.control&1 != 0 }
func (v pdv) last() bool    { return v.control&2 != 0 }

// values returns the PDVs of a P-DATA-TF.
func values(pdu []byte) (vs []pdv) {
	for b := pdu[6:]; len(b) > 0; {
		n := 4 + int(binary.BigEndian.Uint32(b))
		vs, b = append(vs, pdv{b[4], b[5], b[6:n]}), b[n:]
	}
	return vs
}

// pData is a P-DATA-TF (PS3.8 Table 9-22).
func pData(vs ...pdv) []byte {
	b := []byte{4, 0, 0, 0, 0, 0}
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, uint32(len(v.data)+2))
		b = append(append(b, v.context, v.control), v.data...)
	}
	binary.BigEndian.PutUint32(b[2:], uint32(len(b)-6))
	return b
}

// item is an item of an A-ASSOCIATE PDU, or a sub-item.
func item(kind byte, value []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{kind, 0}, uint16(len(value))), value...)
}

// items returns the values of all items of one kind.
func items(b []byte, kind byte) (found [][]byte) {
	for len(b) > 0 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if b[0] == kind {
			found = append(found, b[4:n])
		}
		b = b[n:]
	}
	return found
}

// takesTinyPDUs changes the maximum length that the peer announces to 20 bytes
// (PS3.8 D.1).
func takesTinyPDUs(s stream) stream {
	tiny := append(stream{}, s...)
	at := bytes.Index(s[0], []byte{0x51, 0, 0, 4})
	tiny[0] = slices.Concat(s[0][:at], item(0x51, []byte{0, 0, 0, 20}), s[0][at+8:])
	return tiny
}

func unpadded(b []byte) string { return strings.TrimRight(string(b), "\x00 ") }

// answerTo returns the A-ASSOCIATE-AC (PS3.8 Table 9-17) of a server that supports the transfer
// syntaxes of each abstract syntax in order of preference.
func answerTo(rq []byte, takes map[string][]string) []byte {
	b := []byte{2, 0, 0, 0, 0, 0, 0, 1, 0, 0}
	b = append(b, rq[10:74]...) // both AE titles and 32 reserved bytes
	b = append(b, item(0x10, []byte("1.2.840.10008.3.1.1.1"))...)
	for _, c := range items(rq[74:], 0x20) {
		result, syntax := judge(c, takes)
		b = append(b, item(0x21, append([]byte{c[0], 0, result, 0}, item(0x40, []byte(syntax))...))...)
	}
	user := item(0x51, []byte{0, 2, 0, 0}) // 131072
	user = append(user, item(0x52, []byte(uid.Implementation))...)
	if len(items(items(rq[74:], 0x50)[0], 0x53)) > 0 {
		user = append(user, item(0x53, []byte{0, 1, 0, 1})...)
	}
	user = append(user, roles(rq, takes)...)
	user = append(user, item(0x55, []byte(uid.ImplementationVersionName))...)
	b = append(b, item(0x50, user)...)
	binary.BigEndian.PutUint32(b[2:], uint32(len(b)-6))
	return b
}

// roles returns the SCP/SCU role selections (PS3.7 Table D.3-10) of a server whose peers may
// only be SCU: an answer to each proposal for a supported class.
func roles(rq []byte, takes map[string][]string) (answers []byte) {
	for _, r := range items(items(rq[74:], 0x50)[0], 0x54) {
		class := r[2 : len(r)-2]
		if _, ok := takes[unpadded(class)]; ok && r[len(r)-2] == 1 {
			answers = append(answers, item(0x54, slices.Concat(r[:2], class, []byte{1, 0}))...)
		}
	}
	return answers
}

// judge returns the answer of PS3.8 Table 9-18 to a proposed presentation context. The transfer
// syntax of a rejected one is not significant: it is the first proposed.
func judge(context []byte, takes map[string][]string) (result byte, syntax string) {
	var proposed []string
	for _, ts := range items(context[4:], 0x40) {
		proposed = append(proposed, unpadded(ts))
	}
	taken, ok := takes[unpadded(items(context[4:], 0x30)[0])]
	if !ok {
		return 3, proposed[0]
	}
	for _, ts := range taken {
		if slices.Contains(proposed, ts) {
			return 0, ts
		}
	}
	return 4, proposed[0]
}

// elements reads a command set (PS3.7 6.3.1) by element number.
func elements(set []byte) map[uint16][]byte {
	found := map[uint16][]byte{}
	for len(set) > 0 {
		n := 8 + binary.LittleEndian.Uint32(set[4:])
		found[binary.LittleEndian.Uint16(set[2:])] = set[8:n]
		set = set[n:]
	}
	return found
}

func element(number uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0, 0}, number)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

// responseTo returns the command set of the response to a request (PS3.7 Tables 9.3-2 and
// 9.3-13): class and instance of the request, no data set, no comment.
func responseTo(rq map[uint16][]byte, status uint16) []byte {
	word := func(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
	var set []byte
	add := func(number uint16, value []byte) {
		if value != nil {
			set = append(set, element(number, value)...)
		}
	}
	add(0x0002, bytes.ReplaceAll(rq[0x0002], []byte(" "), []byte{0})) // a UID is padded with a zero byte (PS3.5 9.1)
	add(0x0100, word(binary.LittleEndian.Uint16(rq[0x0100])|0x8000))
	add(0x0120, rq[0x0110])
	add(0x0800, word(0x0101))
	add(0x0900, word(status))
	add(0x1000, rq[0x1000])
	return append(element(0, binary.LittleEndian.AppendUint32(nil, uint32(len(set)))), set...)
}
