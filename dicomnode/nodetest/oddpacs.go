package nodetest

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// Oddity is what a PACS does that others do not. The zero value takes every object.
type Oddity struct {
	Classes  []string                      // the SOP classes it takes; nil are all
	Mute     bool                          // says nothing to an A-ASSOCIATE-RQ
	Greeting string                        // is sent in place of an answer to it, and the connection closed
	Answer   ul.PDU                        // is sent in place of the A-ASSOCIATE-AC
	Accept   func(*ul.Associate)           // changes the A-ASSOCIATE-AC
	During   func(net.Conn)                // ends the connection while a data set arrives
	Silent   bool                          // sends no C-STORE-RSP
	Respond  func(*dimse.Command)          // changes the C-STORE-RSP
	Pieces   func(pdu []byte) (p [][]byte) // cuts the C-STORE-RSP
	Then     func(net.Conn)                // after a C-STORE-RSP
	Abrupt   bool                          // closes the connection in place of an A-RELEASE-RP
}

// OddPACS counts the objects that it got whole.
type OddPACS struct {
	Address string
	odd     Oddity
	mu      sync.Mutex
	got     map[string]int // by SOP Instance UID
	classes map[string]int
}

// NewOddPACS listens on loopback until the test ends.
func NewOddPACS(t testing.TB, odd Oddity) *OddPACS {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &OddPACS{Address: ln.Addr().String(), odd: odd, got: map[string]int{}, classes: map[string]int{}}
	var all sync.WaitGroup
	var open []net.Conn
	all.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			open = append(open, nc)
			p.mu.Unlock()
			all.Go(func() { defer nc.Close(); p.serve(nc) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.mu.Lock()
		for _, nc := range open {
			_ = nc.Close()
		}
		p.mu.Unlock()
		all.Wait()
	})
	return p
}

// Most is how often one object came whole, at most.
func (p *OddPACS) Most() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.got {
		n = max(n, k)
	}
	return n
}

// Got is how many objects of a SOP class came whole.
func (p *OddPACS) Got(class string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.classes[class]
}

// oddPDU reads one PDU.
func oddPDU(nc net.Conn) (ul.PDU, error) {
	var header [6]byte
	if _, err := io.ReadFull(nc, header[:]); err != nil {
		return nil, err
	}
	body := make([]byte, min(binary.BigEndian.Uint32(header[2:]), 1<<20))
	if _, err := io.ReadFull(nc, body); err != nil {
		return nil, err
	}
	return ul.Decode(header[0], body)
}

func sendPDU(nc net.Conn, p ul.PDU) {
	if b, err := ul.Encode(p); err == nil {
		_, _ = nc.Write(b) // the node may have gone
	}
}

func (p *OddPACS) serve(nc net.Conn) {
	if p.odd.Greeting != "" {
		_, _ = nc.Write([]byte(p.odd.Greeting)) // the node may have gone
		return
	}
	pdu, err := oddPDU(nc)
	rq, ok := pdu.(*ul.Associate)
	switch {
	case err != nil || !ok:
		return
	case p.odd.Mute:
		_, _ = io.Copy(io.Discard, nc) // until the node gives up
		return
	case p.odd.Answer != nil:
		sendPDU(nc, p.odd.Answer)
		return
	}
	ac := rq.Answer()
	ac.Accept, ac.ProtocolVersion, ac.User.MaximumLength, ac.User.ImplementationClassUID = true, 1, 16384, "1.2.3.4"
	for _, c := range rq.Contexts {
		answer := ul.Context{ID: c.ID, TransferSyntaxes: c.TransferSyntaxes[:1]}
		if p.odd.Classes != nil && !slices.Contains(p.odd.Classes, c.AbstractSyntax) {
			answer.Result = ul.AbstractSyntaxUnsupported
		}
		ac.Contexts = append(ac.Contexts, answer)
	}
	if p.odd.Accept != nil {
		p.odd.Accept(ac)
	}
	sendPDU(nc, ac)
	p.messages(nc)
}

// messages answers requests until the association ends.
func (p *OddPACS) messages(nc net.Conn) {
	var command []byte
	var rq *dimse.Command
	for {
		pdu, err := oddPDU(nc)
		if err != nil {
			return
		}
		data, ok := pdu.(*ul.PData)
		if !ok {
			if r, isRelease := pdu.(*ul.Release); isRelease && !r.Response && !p.odd.Abrupt {
				sendPDU(nc, &ul.Release{Response: true})
			}
			return
		}
		for _, v := range data.Values {
			if v.Command {
				if command = append(command, v.Data...); v.Last {
					rq, err = dimse.Decode(command)
					command = nil
				}
				if err != nil {
					return
				}
				if rq == nil || rq.HasDataset() || !v.Last {
					continue
				}
			} else if p.odd.During != nil {
				p.odd.During(nc)
				return
			}
			if v.Last && !p.respond(nc, v.ContextID, rq) {
				return
			}
		}
	}
}

// respond answers a C-ECHO or C-STORE that came whole; false ends the connection.
func (p *OddPACS) respond(nc net.Conn, context byte, rq *dimse.Command) bool {
	rsp := &dimse.Command{Field: rq.Field.Response(), MessageIDBeingRespondedTo: rq.MessageID, DataSetType: dimse.NoDataset,
		AffectedSOPClassUID: rq.AffectedSOPClassUID, AffectedSOPInstanceUID: rq.AffectedSOPInstanceUID,
		Present: dimse.AffectedSOPClassUID | dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement}
	store := rq.AffectedSOPClassUID != uid.Verification
	if store {
		rsp.Present |= dimse.AffectedSOPInstanceUID
		p.mu.Lock()
		p.got[rq.AffectedSOPInstanceUID]++
		p.classes[rq.AffectedSOPClassUID]++
		p.mu.Unlock()
		if p.odd.Silent {
			_, _ = io.Copy(io.Discard, nc) // until the node gives up
			return false
		}
		if p.odd.Respond != nil {
			p.odd.Respond(rsp)
		}
	}
	set, err := dimse.Encode(rsp)
	if err != nil {
		return false
	}
	pdu, err := ul.Encode(&ul.PData{Values: []ul.PDV{{ContextID: context, Command: true, Last: true, Data: set}}})
	if err != nil {
		return false
	}
	pieces := [][]byte{pdu}
	if store && p.odd.Pieces != nil {
		pieces = p.odd.Pieces(pdu)
	}
	for _, b := range pieces {
		if _, err := nc.Write(b); err != nil {
			return false
		}
	}
	if store && p.odd.Then != nil {
		p.odd.Then(nc)
	}
	return true
}

// Bytewise cuts a PDU into its bytes.
func Bytewise(pdu []byte) [][]byte { return slices.Collect(slices.Chunk(pdu, 1)) }

// Reset closes a connection by RST.
func Reset(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // Close tells the same
	}
	_ = nc.Close()
}

// SendThen sends a PDU and closes the connection a moment later, when it is asked to.
func SendThen(p ul.PDU, closing bool) func(net.Conn) {
	return func(nc net.Conn) {
		_ = nc.SetWriteDeadline(time.Now().Add(Time))
		sendPDU(nc, p)
		if closing {
			_ = nc.Close()
		}
	}
}
