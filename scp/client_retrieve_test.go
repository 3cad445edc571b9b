package scp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

var anyQuery = scp.Query{SOPClassUID: dxImage, TransferSyntaxUID: uid.ImplicitVRLittleEndian, Identifier: []byte("keys")}

// answering runs a peer that reads the request and sends these responses, each with its data
// set.
func answering(t *testing.T, use func(context.Context, *scp.Client) error, rq func(*dimse.Command), responses ...func(*dimse.Command) string) error {
	t.Helper()
	p, done := onPeer(t, use)
	scptest.Expect[*ul.Associate](p)
	p.SendPDU(acceptance())
	command := expectResponse(t, p) // of the request
	rq(command)
	if keys := scptest.Expect[*ul.PData](p); string(keys.Values[0].Data) != "keys" {
		t.Errorf("Identifier %q, want keys", keys.Values[0].Data)
	}
	for _, respond := range responses {
		rsp := storeRSP()
		rsp.Field, rsp.MessageIDBeingRespondedTo = command.Field.Response(), command.MessageID
		data := respond(rsp)
		if data != "" {
			rsp.DataSetType = dimse.HasDataset
		}
		p.SendPDU(commandPDU(t, rsp, 1))
		if data != "" {
			p.SendPDU(dataPDU(true, data))
		}
	}
	scptest.Expect[*ul.Abort](p)
	_ = p.Conn.Close()
	return <-done
}

func with(status uint16, data string) func(*dimse.Command) string {
	return func(c *dimse.Command) string {
		c.Status = status
		return data
	}
}

// TestFind: each match is reported once, and the final response gives the result.
func TestFind(t *testing.T) {
	stop := errors.New("enough")
	for name, c := range map[string]struct {
		responses []func(*dimse.Command) string
		each      error
		want      string
		err       func(error) bool
	}{
		"two matches": {[]func(*dimse.Command) string{with(0xFF00, "one"), with(0xFF01, "two"), with(0, "")}, nil, "one two ", func(err error) bool { return err == nil }},
		"none":        {[]func(*dimse.Command) string{with(0, "")}, nil, "", func(err error) bool { return err == nil }},
		"refused": {[]func(*dimse.Command) string{with(0xA700, "")}, nil, "", func(err error) bool {
			var failed *scp.StatusError
			return errors.As(err, &failed) && failed.Status == scp.OutOfResources
		}},
		"stopped": {[]func(*dimse.Command) string{with(0xFF00, "one")}, stop, "one ", func(err error) bool { return errors.Is(err, stop) }},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			err := answering(t, func(ctx context.Context, client *scp.Client) error {
				return client.Find(ctx, anyQuery, func(b []byte) error {
					got += string(b) + " "
					return c.each
				})
			}, func(rq *dimse.Command) {
				if rq.Field != dimse.CFindRQ || rq.AffectedSOPClassUID != dxImage {
					t.Errorf("request %+v", rq)
				}
			}, c.responses...)
			if got != c.want || !c.err(err) {
				t.Errorf("matches %q, error %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestMove: the destination is in the request, and the sub-operations are counted.
func TestMove(t *testing.T) {
	var seen []scp.Suboperations
	counted := func(status, remaining, completed, failed uint16) func(*dimse.Command) string {
		return func(c *dimse.Command) string {
			c.Status, c.Remaining, c.Completed, c.Failed = status, remaining, completed, failed
			c.Present |= dimse.RemainingSuboperations | dimse.CompletedSuboperations | dimse.FailedSuboperations
			return ""
		}
	}
	err := answering(t, func(ctx context.Context, client *scp.Client) error {
		done, err := client.Move(ctx, anyQuery, "ELSEWHERE", func(s scp.Suboperations) { seen = append(seen, s) })
		if done.Completed != 1 || done.Failed != 1 {
			err = errors.Join(err, fmt.Errorf("done %+v", done))
		}
		return err
	}, func(rq *dimse.Command) {
		if rq.Field != dimse.CMoveRQ || rq.MoveDestination != "ELSEWHERE" {
			t.Errorf("request %+v", rq)
		}
	}, counted(0xFF00, 1, 1, 0), counted(0xB000, 0, 1, 1))
	if err != nil || len(seen) != 2 || seen[0].Remaining != 1 {
		t.Errorf("%v, heard %+v", err, seen)
	}
}

// TestGetWithoutSession: without a Session, what a peer stores during a C-GET is refused.
func TestGetWithoutSession(t *testing.T) {
	p, done := onPeer(t, func(ctx context.Context, c *scp.Client) error {
		_, err := c.Get(ctx, anyQuery, nil)
		return err
	})
	scptest.Expect[*ul.Associate](p)
	p.SendPDU(acceptance())
	rq := expectResponse(t, p)
	scptest.Expect[*ul.PData](p)
	p.SendPDU(commandPDU(t, storeRQ(), 1))
	p.SendPDU(dataPDU(true, "data"))
	if rsp := expectResponse(t, p); rsp.Status != uint16(scp.UnrecognizedOperation) {
		t.Errorf("status %04X, want 0211", rsp.Status)
	}
	rsp := storeRSP()
	rsp.Field, rsp.MessageIDBeingRespondedTo = rq.Field.Response(), rq.MessageID
	p.SendPDU(commandPDU(t, rsp, 1))
	scptest.Expect[*ul.Abort](p)
	_ = p.Conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
