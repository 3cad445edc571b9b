package scp_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// committer is a backend that receives requests for storage commitment and their results.
type committer struct {
	backend
	fail  error
	asked []string
	told  []string
}

func (c *committer) NewSession(context.Context, scp.Peer) (scp.Session, error) { return c, nil }

func (c *committer) Commit(_ context.Context, ts string, r io.Reader) error {
	b, err := io.ReadAll(r)
	c.asked = append(c.asked, ts+" "+string(b))
	return errors.Join(err, c.fail)
}

func (c *committer) CommitReport(_ context.Context, failures bool, ts string, r io.Reader) error {
	b, err := io.ReadAll(r)
	word := " all "
	if failures {
		word = " some "
	}
	c.told = append(c.told, ts+word+string(b))
	return errors.Join(err, c.fail)
}

var pushModel = scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, Roles: scp.SCURole | scp.SCPRole}

func offersCommitment(s *scp.Server) {
	s.Contexts = append(s.Contexts, scp.SupportedContext{AbstractSyntax: uid.StorageCommitmentPushModel,
		TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, PeerRoles: scp.SCURole | scp.SCPRole})
}

func TestCommitment(t *testing.T) {
	b := &committer{}
	addr, _ := serve(t, b, offersCommitment)
	d := scp.Dialer{Calling: "PACS"}
	c, err := d.Dial(t.Context(), scp.Addr{AETitle: "XNET", Host: addr}, pushModel)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	if role := c.Role(uid.StorageCommitmentPushModel); role != scp.SCURole|scp.SCPRole {
		t.Errorf("granted %b", role)
	}
	for _, failures := range []bool{false, true} {
		if err := c.ReportCommitment(t.Context(), failures, uid.ImplicitVRLittleEndian, strings.NewReader("event")); err != nil {
			t.Error(err)
		}
	}
	if err := c.RequestCommitment(t.Context(), uid.ImplicitVRLittleEndian, strings.NewReader("action")); err != nil {
		t.Error(err)
	}
	b.fail = &scp.StatusError{Status: scp.ResourceLimitation, Comment: "busy"}
	var refused *scp.StatusError
	if err := c.RequestCommitment(t.Context(), uid.ImplicitVRLittleEndian, strings.NewReader("again")); !errors.As(err, &refused) || refused.Status != scp.ResourceLimitation || refused.Comment != "busy" {
		t.Errorf("refused: %v", err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	got := strings.Join(append(b.asked, b.told...), "|")
	if want := "1.2.840.10008.1.2 action|1.2.840.10008.1.2 again|1.2.840.10008.1.2 all event|1.2.840.10008.1.2 some event"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCommitmentNotOffered: without the services in the session, the context is rejected and
// not the request.
func TestCommitmentNotOffered(t *testing.T) {
	addr, _ := serve(t, &backend{}, offersCommitment)
	d := scp.Dialer{Calling: "PACS"}
	c, err := d.Dial(t.Context(), scp.Addr{AETitle: "XNET", Host: addr}, pushModel, verification)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	var refused *scp.ContextError
	err = c.RequestCommitment(t.Context(), uid.ImplicitVRLittleEndian, strings.NewReader("action"))
	if !errors.As(err, &refused) || refused.Result != ul.AbstractSyntaxUnsupported {
		t.Errorf("got %v", err)
	}
}

func actionRQ(change func(*dimse.Command)) *dimse.Command {
	c := &dimse.Command{Field: dimse.NActionRQ, RequestedSOPClassUID: uid.StorageCommitmentPushModel, RequestedSOPInstanceUID: uid.StorageCommitmentPushModelInstance,
		ActionTypeID: 1, MessageID: 5, DataSetType: dimse.HasDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageID | dimse.RequestedSOPClassUID | dimse.RequestedSOPInstanceUID | dimse.ActionTypeID}
	change(c)
	return c
}

func eventRQ(change func(*dimse.Command)) *dimse.Command {
	c := &dimse.Command{Field: dimse.NEventReportRQ, AffectedSOPClassUID: uid.StorageCommitmentPushModel, AffectedSOPInstanceUID: uid.StorageCommitmentPushModelInstance,
		EventTypeID: 1, MessageID: 6, DataSetType: dimse.HasDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageID | dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID | dimse.EventTypeID}
	change(c)
	return c
}

// TestCommitmentRequests tests the responses to wrong requests of a peer (PS3.7 10.1.1,
// 10.1.4), and the elements of the response to a valid one (Tables 10.3-2 and 10.3-6).
func TestCommitmentRequests(t *testing.T) {
	for name, c := range map[string]struct {
		rq   *dimse.Command
		want scp.Status
	}{
		"action":            {actionRQ(func(*dimse.Command) {}), scp.Success},
		"other action":      {actionRQ(func(c *dimse.Command) { c.ActionTypeID = 2 }), scp.NoSuchAction},
		"action, class":     {actionRQ(func(c *dimse.Command) { c.RequestedSOPClassUID = dxImage }), scp.NoSuchSOPClass},
		"action, instance":  {actionRQ(func(c *dimse.Command) { c.RequestedSOPInstanceUID = "1.2.3" }), scp.NoSuchSOPInstance},
		"event":             {eventRQ(func(*dimse.Command) {}), scp.Success},
		"other event":       {eventRQ(func(c *dimse.Command) { c.EventTypeID = 3 }), scp.NoSuchEventType},
		"event, class":      {eventRQ(func(c *dimse.Command) { c.AffectedSOPClassUID = dxImage }), scp.NoSuchSOPClass},
		"event without set": {eventRQ(func(c *dimse.Command) { c.DataSetType = dimse.NoDataset }), scp.InvalidArgumentValue},
		"C-STORE instead":   {storeRQ(), scp.SOPClassNotSupported},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := serve(t, &committer{}, offersCommitment)
			p := scptest.Dial(t, addr)
			p.SendPDU(request(ul.Context{ID: 1, AbstractSyntax: uid.StorageCommitmentPushModel, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}))
			scptest.Expect[*ul.Associate](p)
			p.SendPDU(commandPDU(t, c.rq, 1))
			if c.rq.HasDataset() {
				p.SendPDU(dataPDU(true, "data"))
			}
			rsp := expectResponse(t, p)
			if scp.Status(rsp.Status) != c.want || rsp.Field != c.rq.Field.Response() || rsp.MessageIDBeingRespondedTo != c.rq.MessageID {
				t.Errorf("got %+v, want status %v", rsp, c.want)
			}
			if c.want == scp.Success && (rsp.AffectedSOPInstanceUID != uid.StorageCommitmentPushModelInstance || rsp.ActionTypeID != c.rq.ActionTypeID || rsp.EventTypeID != c.rq.EventTypeID) {
				t.Errorf("got %+v", rsp)
			}
		})
	}
}

// TestReportOnSameAssociation: the result arrives on the association of the request, before or
// after its response, or not at all.
func TestReportOnSameAssociation(t *testing.T) {
	for name, before := range map[string]bool{"before the response": true, "after it": false} {
		t.Run(name, func(t *testing.T) {
			session := &committer{}
			p, done := dialed(t, scp.Dialer{Calling: "XNET", Session: session}, func(ctx context.Context, c *scp.Client) error {
				if err := c.RequestCommitment(ctx, uid.ImplicitVRLittleEndian, strings.NewReader("action")); err != nil {
					return err
				}
				if err := c.Listen(ctx, patience, func() bool { return len(session.told) > 0 }); err != nil {
					return err
				}
				return c.Release(ctx)
			}, pushModel)
			scptest.Expect[*ul.Associate](p)
			ac := acceptance()
			ac.Contexts = ac.Contexts[:1]
			p.SendPDU(ac)
			scptest.Expect[*ul.PData](p)
			scptest.Expect[*ul.PData](p)
			report := func() {
				p.SendPDU(commandPDU(t, eventRQ(func(*dimse.Command) {}), 1))
				p.SendPDU(dataPDU(true, "event"))
				if rsp := expectResponse(t, p); rsp.Field != dimse.NEventReportRSP || rsp.Status != 0 {
					t.Errorf("answered %+v", rsp)
				}
			}
			if before {
				report()
			}
			p.SendPDU(commandPDU(t, &dimse.Command{Field: dimse.NActionRSP, MessageIDBeingRespondedTo: 1, DataSetType: dimse.NoDataset,
				Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement}, 1))
			if !before {
				report()
			}
			scptest.Expect[*ul.Release](p)
			p.SendPDU(&ul.Release{Response: true})
			if err := wait(t, done); err != nil {
				t.Error(err)
			}
			if len(session.told) != 1 {
				t.Errorf("told %q", session.told)
			}
		})
	}
}

// TestListenInVain: the client releases an association on which the peer requests nothing; if
// the peer releases first, that is no error.
func TestListenInVain(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		p, done := onPeer(t, func(ctx context.Context, c *scp.Client) error {
			if err := c.Listen(ctx, patience/200, func() bool { return false }); err != nil {
				return err
			}
			return c.Release(ctx)
		})
		scptest.Expect[*ul.Associate](p)
		p.SendPDU(acceptance())
		if leaves {
			p.SendPDU(&ul.Release{})
			if r := scptest.Expect[*ul.Release](p); !r.Response {
				t.Error("A-RELEASE-RQ instead of the answer")
			}
			_ = p.Conn.Close()
			<-done // already released: Release reports it
			continue
		}
		if r := scptest.Expect[*ul.Release](p); r.Response {
			t.Error("A-RELEASE-RP without a request")
		}
		p.SendPDU(&ul.Release{Response: true})
		if err := wait(t, done); err != nil {
			t.Error(err)
		}
	}
}
