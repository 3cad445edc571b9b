package scp_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// query are the models that DCMTK's query tools propose (PS3.4 C.6). The server accepts them in
// this test, so that it refuses the operation and not the context.
var query = []string{"1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"}

// takes returns what serve and query together support.
func takes() map[string][]string {
	all := []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, bigEndian, deflated, rle}
	t := map[string][]string{
		uid.Verification: {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian},
		dxImage:          all, secondaryCapture: all,
	}
	for _, model := range query {
		t[model] = all[:2]
	}
	return t
}

func takesQueries(s *scp.Server) {
	for _, model := range query {
		s.Contexts = append(s.Contexts, scp.SupportedContext{AbstractSyntax: model, TransferSyntaxes: takes()[model]})
	}
}

// recordings are the connections in testdata/wire with their expected results: contexts
// proposed and accepted, the status of each response, bytes stored by instance, and the type of
// the last PDU.
var recordings = map[string]struct {
	proposed, accepted int
	statuses           []uint16
	stored             map[string]int
	end                byte
}{
	"handmade-negotiation":   {3, 1, []uint16{0, 0, 0, 0, 0}, nil, 5},
	"echoscu-128-contexts":   {128, 128, []uint16{0}, nil, 5},
	"echoscu-abort":          {1, 1, []uint16{0}, nil, 7},
	"echoscu-repeat":         {1, 1, []uint16{0, 0, 0}, nil, 5},
	"storescu-two-images":    {2, 2, []uint16{0, 0}, map[string]int{"2.25.1": 222, "2.25.4": 222}, 5},
	"storescu-user-identity": {2, 2, []uint16{0}, map[string]int{"2.25.1": 222}, 5},
	"storescu-small-pdus":    {1, 1, []uint16{0}, map[string]int{"2.25.1": 4810}, 5},
	"dcmsend-one-image":      {1, 1, []uint16{0}, map[string]int{"2.25.1": 222}, 5},
	"findscu-study":          {1, 1, []uint16{0x0211}, nil, 5},
	"movescu-study":          {2, 2, []uint16{0x0211}, nil, 5},
	"getscu-study":           {121, 3, []uint16{0x0211}, nil, 5},
	"termscu":                {1, 0, nil, nil, 1},
	"orthanc-echo":           {5, 3, []uint16{0}, nil, 5},
	"orthanc-store":          {126, 4, []uint16{0}, map[string]int{"2.25.1": 222}, 5},
}

// TestReplay replays what DCMTK and Orthanc sent, in all framings, and compares all answered
// and stored bytes.
func TestReplay(t *testing.T) {
	for name, known := range recordings {
		recorded := readStream(t, filepath.Join("testdata/wire", name+".hex"))
		want := expected(recorded, known.statuses)
		for framing, frame := range framings {
			t.Run(name+", "+framing, func(t *testing.T) {
				t.Parallel()
				b := &backend{}
				got := replay(t, b, bytes.Join(frame(recorded), nil))
				if !bytes.Equal(got, want.answers) {
					t.Errorf("answered\n%x, want\n%x", got, want.answers)
				}
				sizes := map[string]int{}
				for uid, data := range b.got {
					sizes[uid] = len(data)
					if !bytes.Equal(data, want.stored[uid]) {
						t.Errorf("%s was stored with other bytes", uid)
					}
				}
				if len(known.stored) > 0 && !maps.Equal(sizes, known.stored) || len(known.stored) == 0 && len(sizes) > 0 {
					t.Errorf("stored %v, want %v", sizes, known.stored)
				}
			})
		}
		if want.proposed != known.proposed || want.accepted != known.accepted || recorded[len(recorded)-1][0] != known.end {
			t.Errorf("%s: the recording has %d contexts, %d of them supported, and ends in PDU type %d", name, want.proposed, want.accepted, recorded[len(recorded)-1][0])
		}
	}
}

// TestRecordingsAreComplete: every recording is used.
func TestRecordingsAreComplete(t *testing.T) {
	paths, err := filepath.Glob("testdata/wire/*.hex")
	if err != nil || len(paths) != len(recordings) {
		t.Fatalf("testdata/wire has %d recordings (%v), the table %d", len(paths), err, len(recordings))
	}
	for _, path := range paths {
		if _, ok := recordings[strings.TrimSuffix(filepath.Base(path), ".hex")]; !ok {
			t.Errorf("%s is in no table", path)
		}
	}
}

// TestReplayBytewise: the network may deliver one byte at a time.
func TestReplayBytewise(t *testing.T) {
	for _, name := range []string{"storescu-two-images", "handmade-negotiation"} {
		recorded := readStream(t, filepath.Join("testdata/wire", name+".hex"))
		want := expected(recorded, recordings[name].statuses)
		addr, _ := serve(t, &backend{}, takesQueries)
		p := connect(t, addr)
		for _, b := range bytes.Join(recorded, nil) {
			if _, err := p.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if got := rest(t, p); !bytes.Equal(got, want.answers) {
			t.Errorf("%s: answered\n%x, want\n%x", name, got, want.answers)
		}
	}
}

// TestReplayTinyPDUs: responses are divided into P-DATA-TF that the peer accepts, with the same
// content.
func TestReplayTinyPDUs(t *testing.T) {
	recorded := takesTinyPDUs(readStream(t, "testdata/wire/storescu-two-images.hex"))
	want := expected(recorded, []uint16{0, 0})
	shared := func(vs []pdv) [][]pdv { return alone(cut(vs, 14)) }
	answered := bytes.Join(reframed(pdusOf(want.answers), shared), nil)
	if got := replay(t, &backend{}, bytes.Join(recorded, nil)); !bytes.Equal(got, answered) {
		t.Errorf("answered\n%x, want\n%x", got, answered)
	}
}

// TestReplayAllStorageClasses replays the request of storescu with all its storage classes,
// recorded for the upper layer, and a release.
func TestReplayAllStorageClasses(t *testing.T) {
	const folder = "../internal/ul/testdata/pdu/"
	rq := readStream(t, folder+"storescu-associate-rq.hex")
	recorded := append(rq, []byte{5, 0, 0, 0, 0, 4, 0, 0, 0, 0})
	want := expected(recorded, nil)
	if want.proposed < 64 || want.accepted == 0 || want.accepted == want.proposed {
		t.Errorf("%d of %d contexts are supported: want some of many", want.accepted, want.proposed)
	}
	if got := replay(t, &backend{}, bytes.Join(recorded, nil)); !bytes.Equal(got, want.answers) {
		t.Errorf("answered\n%x, want\n%x", got, want.answers)
	}
}

// expectation is the expected result of a stream.
type expectation struct {
	answers            []byte
	stored             map[string][]byte
	proposed, accepted int
}

// expected derives the expectation from the messages of a stream. statuses are those of its
// requests, in order.
func expected(s stream, statuses []uint16) expectation {
	e := expectation{answers: answerTo(s[0], takes()), stored: map[string][]byte{}}
	for _, c := range items(s[0][74:], 0x20) {
		e.proposed++
		if result, _ := judge(c, takes()); result == 0 {
			e.accepted++
		}
	}
	var set []byte
	var rq map[uint16][]byte
	answer := func(context byte) {
		e.answers = append(e.answers, pData(pdv{context, 3, responseTo(rq, statuses[0])})...)
		statuses = statuses[1:]
	}
	for _, pdu := range s[1:] {
		switch pdu[0] {
		case 5:
			e.answers = append(e.answers, 6, 0, 0, 0, 0, 4, 0, 0, 0, 0)
		case 4:
			for _, v := range values(pdu) {
				switch {
				case v.command():
					set = append(set, v.data...)
					if v.last() {
						rq, set = elements(set), nil
						if binary.LittleEndian.Uint16(rq[0x0800]) == 0x0101 {
							answer(v.context)
						}
					}
				default:
					if binary.LittleEndian.Uint16(rq[0x0100]) == 1 {
						e.stored[unpadded(rq[0x1000])] = append(e.stored[unpadded(rq[0x1000])], v.data...)
					}
					if v.last() {
						answer(v.context)
					}
				}
			}
		}
	}
	return e
}

// replay sends all bytes at once and returns all answers.
func replay(t *testing.T, b *backend, sent []byte) []byte {
	t.Helper()
	addr, _ := serve(t, b, takesQueries)
	p := connect(t, addr)
	if _, err := p.Write(sent); err != nil {
		t.Fatal(err)
	}
	return rest(t, p)
}

func connect(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return nc.(*net.TCPConn)
}

// rest closes the sending direction and reads the other to its end.
func rest(t *testing.T, p *net.TCPConn) []byte {
	t.Helper()
	if err := p.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(p)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
