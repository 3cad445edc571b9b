package scp_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// TestRoleSelection: of the roles proposed for an accepted SOP class the supported ones are
// granted; there is no answer for others (PS3.7 D.3.3.4).
func TestRoleSelection(t *testing.T) {
	both := func(s *scp.Server) { s.Contexts[0].PeerRoles = scp.SCURole | scp.SCPRole }
	for name, c := range map[string]struct {
		change         func(*scp.Server)
		proposed, want []ul.Role
	}{
		"none proposed":      {change: both},
		"both":               {both, []ul.Role{{SOPClassUID: dxImage, SCU: true, SCP: true}}, []ul.Role{{SOPClassUID: dxImage, SCU: true, SCP: true}}},
		"SCP only":           {both, []ul.Role{{SOPClassUID: dxImage, SCP: true}}, []ul.Role{{SOPClassUID: dxImage, SCP: true}}},
		"more than granted":  {func(*scp.Server) {}, []ul.Role{{SOPClassUID: dxImage, SCU: true, SCP: true}}, []ul.Role{{SOPClassUID: dxImage, SCU: true}}},
		"nothing to grant":   {func(*scp.Server) {}, []ul.Role{{SOPClassUID: dxImage, SCP: true}}, nil},
		"no role":            {both, []ul.Role{{SOPClassUID: dxImage}}, nil},
		"class not accepted": {both, []ul.Role{{SOPClassUID: rle, SCU: true, SCP: true}}, nil},
		"twice":              {both, []ul.Role{{SOPClassUID: dxImage, SCP: true}, {SOPClassUID: dxImage, SCU: true}}, []ul.Role{{SOPClassUID: dxImage, SCP: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := serve(t, &backend{}, c.change)
			p := scptest.Dial(t, addr)
			rq := request()
			rq.User.Roles = c.proposed
			p.SendPDU(rq)
			if got := scptest.Expect[*ul.Associate](p).User.Roles; !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestClientRole: without an answer of the acceptor the default applies, and roles that were
// not proposed are ignored.
func TestClientRole(t *testing.T) {
	for name, c := range map[string]struct {
		proposed scp.Role
		answer   []ul.Role
		want     scp.Role
	}{
		"granted":      {scp.SCURole | scp.SCPRole, []ul.Role{{SOPClassUID: uid.Verification, SCU: true, SCP: true}}, scp.SCURole | scp.SCPRole},
		"one of two":   {scp.SCURole | scp.SCPRole, []ul.Role{{SOPClassUID: uid.Verification, SCP: true}}, scp.SCPRole},
		"unanswered":   {scp.SCPRole, nil, scp.SCURole},
		"not proposed": {0, []ul.Role{{SOPClassUID: uid.Verification, SCP: true}}, scp.SCURole},
		"refused":      {scp.SCPRole, []ul.Role{{SOPClassUID: uid.Verification}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var got scp.Role
			proposal := verification
			proposal.Roles = c.proposed
			p, done := dialed(t, scp.Dialer{Calling: "XNET"}, func(_ context.Context, c *scp.Client) error {
				got = c.Role(uid.Verification)
				return nil
			}, proposal)
			if rq := scptest.Expect[*ul.Associate](p); (c.proposed == 0) != (rq.User.Roles == nil) {
				t.Errorf("proposed roles %+v for %b", rq.User.Roles, c.proposed)
			}
			ac := acceptance()
			ac.Contexts, ac.User.Roles = ac.Contexts[:1], c.answer
			p.SendPDU(ac)
			if err := wait(t, done); err != nil || got != c.want {
				t.Errorf("got role %b, %v; want %b", got, err, c.want)
			}
		})
	}
}

// TestClientPerforms: while a client waits for a response, its session performs the peer's
// requests on the same association, as in a C-GET (PS3.4 C.4.3).
func TestClientPerforms(t *testing.T) {
	session := &backend{}
	echo := func(ctx context.Context, c *scp.Client) error { return c.Echo(ctx) }
	p, done := dialed(t, scp.Dialer{Calling: "XNET", Session: session}, echo,
		scp.Proposal{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, Roles: scp.SCPRole}, verification)
	scptest.Expect[*ul.Associate](p)
	ac := acceptance()
	ac.User.Roles = []ul.Role{{SOPClassUID: dxImage, SCP: true}}
	p.SendPDU(ac)
	expectResponse(t, p) // the C-ECHO-RQ
	p.SendPDU(commandPDU(t, storeRQ(), 1))
	p.SendPDU(dataPDU(true, "data set"))
	if rsp := expectResponse(t, p); rsp.Field != dimse.CStoreRSP || rsp.Status != 0 {
		t.Errorf("C-STORE was answered %+v", rsp)
	}
	p.SendPDU(commandPDU(t, &dimse.Command{Field: dimse.CEchoRSP, MessageIDBeingRespondedTo: 1, DataSetType: dimse.NoDataset,
		Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement}, 3))
	if err := wait(t, done); err != nil {
		t.Fatal(err)
	}
	if req, data := session.last(); req.SOPInstanceUID != instance || !bytes.Equal(data, []byte("data set")) {
		t.Errorf("stored %+v, %q", req, data)
	}
}
