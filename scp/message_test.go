package scp_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// refused are the services of PS3.7 that a Server does not perform, by Command Field (PS3.7
// E.1), and one field that PS3.7 does not define.
var refused = map[string]dimse.Field{
	"C-GET": 0x0010, "C-FIND": 0x0020, "C-MOVE": 0x0021,
	"N-EVENT-REPORT": 0x0100, "N-GET": 0x0110, "N-SET": 0x0120, "N-ACTION": 0x0130, "N-CREATE": 0x0140, "N-DELETE": 0x0150,
	"unknown": 0x0077,
}

// TestUnrecognizedOperation: an unsupported service is answered 0x0211 (PS3.7 C.5.23) in its
// own response, after its data set, and the association continues.
func TestUnrecognizedOperation(t *testing.T) {
	b := &backend{}
	addr, _ := serve(t, b)
	p := associate(t, addr)
	for name, field := range refused {
		for _, data := range []bool{true, false} {
			rq := storeRQ()
			rq.Field = field
			if !data {
				rq.DataSetType = dimse.NoDataset
			}
			p.SendPDU(commandPDU(t, rq, 1))
			if data {
				p.SendPDU(dataPDU(true, "identifier"))
			}
			rsp := expectResponse(t, p)
			if scp.Status(rsp.Status) != scp.UnrecognizedOperation || rsp.Field != field.Response() || rsp.MessageIDBeingRespondedTo != 5 || rsp.HasDataset() {
				t.Errorf("%s: got %+v", name, rsp)
			}
		}
	}
	if len(b.asked) != 0 {
		t.Errorf("session was asked to store %+v", b.asked)
	}
}

// TestCancelRequest: a C-CANCEL-RQ has no response (PS3.7 9.3.2.3); the next message is
// answered.
func TestCancelRequest(t *testing.T) {
	addr, _ := serve(t, &backend{})
	p := associate(t, addr)
	cancel := &dimse.Command{
		Field: dimse.CCancelRQ, MessageIDBeingRespondedTo: 5, DataSetType: dimse.NoDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo,
	}
	for range 2 {
		p.SendPDU(commandPDU(t, cancel, 1))
	}
	p.SendPDU(commandPDU(t, echoRQ(), 3))
	if rsp := expectResponse(t, p); rsp.Field != dimse.CEchoRSP || rsp.MessageIDBeingRespondedTo != 9 {
		t.Errorf("got %+v, want the response to the C-ECHO-RQ", rsp)
	}
}

// TestMisplaced: valid commands in the wrong presentation context or with the wrong data set.
func TestMisplaced(t *testing.T) {
	for name, c := range map[string]struct {
		command *dimse.Command
		change  func(*dimse.Command)
		context byte
		data    string
		want    scp.Status
	}{
		"C-STORE without data set":             {storeRQ(), func(c *dimse.Command) { c.DataSetType = dimse.NoDataset }, 1, "", scp.CannotUnderstand},
		"C-STORE in a verification context":    {storeRQ(), nil, 3, "data", scp.SOPClassNotSupported},
		"C-STORE of Verification":              {storeRQ(), func(c *dimse.Command) { c.AffectedSOPClassUID = uid.Verification }, 3, "data", scp.SOPClassNotSupported},
		"C-ECHO in a storage context":          {echoRQ(), nil, 1, "", scp.SOPClassNotSupported},
		"C-ECHO with a data set":               {echoRQ(), func(c *dimse.Command) { c.DataSetType = dimse.HasDataset }, 3, "data", scp.Success},
		"C-ECHO with another data set type":    {echoRQ(), func(c *dimse.Command) { c.DataSetType = 0x0102 }, 3, "data", scp.Success},
		"C-STORE of an unknown priority":       {storeRQ(), func(c *dimse.Command) { c.Priority = 77 }, 1, "data", scp.Success},
		"C-STORE with a move originator":       {storeRQ(), func(c *dimse.Command) { c.Present |= dimse.MoveOriginatorAETitle; c.MoveOriginatorAETitle = "WS" }, 1, "data", scp.Success},
		"C-STORE with an instance UID of text": {storeRQ(), func(c *dimse.Command) { c.AffectedSOPInstanceUID = "1.2.a" }, 1, "data", scp.InvalidSOPInstance},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, &backend{})
			p := associate(t, addr)
			if c.change != nil {
				c.change(c.command)
			}
			p.SendPDU(commandPDU(t, c.command, c.context))
			if c.data != "" {
				p.SendPDU(&ul.PData{Values: []ul.PDV{{ContextID: c.context, Last: true, Data: []byte(c.data)}}})
			}
			if rsp := expectResponse(t, p); scp.Status(rsp.Status) != c.want {
				t.Errorf("got %v, want %v", scp.Status(rsp.Status), c.want)
			}
			p.SendPDU(&ul.Release{})
			scptest.Expect[*ul.Release](p)
		})
	}
}

// TestUnwantedDataset: an unwanted data set is discarded for two minutes and one more read,
// even if few bytes arrive at a time within one fragment.
func TestUnwantedDataset(t *testing.T) {
	onLine(t, &backend{}, func(t *testing.T, l *line) {
		rq := storeRQ()
		rq.AffectedSOPInstanceUID = "no UID"
		l.send(commandPDU(t, rq, 1))
		begun := time.Now()
		l.bytes([]byte{4, 0, 0, 0, 0x40, 0, 0, 0, 0x3f, 0xfc, 1, 2})
		aborted := make(chan ul.PDU)
		go func() { aborted <- l.receive() }()
		for {
			select {
			case <-time.After(30 * time.Second):
				if _, err := l.Write([]byte{0}); err != nil {
					t.Error(err)
				}
				continue
			case p := <-aborted:
				if abort, ok := p.(*ul.Abort); !ok || abort.Source != ul.SourceProvider {
					t.Errorf("got %+v, want the provider's A-ABORT", p)
				}
			}
			break
		}
		if took := time.Since(begun); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("gave up after %v", took)
		}
	})
}

// TestCutOffIsLogged: releasing an association within a message is an error, which is logged.
func TestCutOffIsLogged(t *testing.T) {
	for name, c := range map[string]struct {
		before []ul.PDU
		want   string
	}{
		"between messages":     {nil, `level=WARN msg="association released with nothing stored"`},
		"within a command set": {[]ul.PDU{&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Data: []byte{0, 0}}}}}, `level=WARN msg="association ended"`},
		"before its data set":  {[]ul.PDU{commandPDU(t, storeRQ(), 1)}, `level=WARN msg="association ended"`},
		"within a data set":    {[]ul.PDU{commandPDU(t, storeRQ(), 1), dataPDU(false, "half")}, `level=WARN msg="association ended"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{ended: make(chan struct{})}
			addr, log := serve(t, b)
			p := associate(t, addr)
			for _, pdu := range c.before {
				p.SendPDU(pdu)
			}
			p.SendPDU(&ul.Release{})
			if rp := scptest.Expect[*ul.Release](p); !rp.Response {
				t.Error("A-RELEASE-RQ was answered by another")
			}
			wait(t, b.ended)
			if !strings.Contains(log.String(), c.want) || strings.Contains(log.String(), "stored=1") {
				t.Errorf("log lacks %q:\n%s", c.want, log)
			}
		})
	}
}

// TestPipelined: a peer that does not wait for responses, although the window is 1/1 (PS3.7
// D.3.3.3), gets all of them in order.
func TestPipelined(t *testing.T) {
	var order []string
	addr, _ := serve(t, &backend{store: func(_ context.Context, req scp.StoreRequest, r io.Reader) error {
		order = append(order, req.SOPInstanceUID)
		_, err := io.Copy(io.Discard, r)
		return err
	}})
	p := associate(t, addr)
	for i := range uint16(5) {
		rq := storeRQ()
		rq.MessageID, rq.AffectedSOPInstanceUID = 100+i, fmt.Sprintf("2.25.%d", i)
		p.SendPDU(commandPDU(t, rq, 1))
		p.SendPDU(dataPDU(true, "data"))
	}
	for i := range uint16(5) {
		if rsp := expectResponse(t, p); rsp.MessageIDBeingRespondedTo != 100+i || rsp.AffectedSOPInstanceUID != fmt.Sprintf("2.25.%d", i) {
			t.Errorf("response %d is %+v", i, rsp)
		}
	}
	if got := strings.Join(order, " "); got != "2.25.0 2.25.1 2.25.2 2.25.3 2.25.4" {
		t.Errorf("stored in order %s", got)
	}
}
