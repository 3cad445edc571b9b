package node

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/scp"
)

func calledBy(calling string) scp.Peer {
	return scp.Peer{Calling: calling, Called: "XNET", Remote: netip.MustParseAddrPort("10.1.2.3:40000")}
}

// admitting is a node that resolves names with that function, and only admits.
func admitting(lookup func(context.Context, string) ([]netip.Addr, error), peers string) *Node {
	c, err := configs.Parse([]byte(peers))
	n := &Node{lookup: lookup, archive: &archive.Archive{}}
	n.config.Store(&c)
	if err != nil {
		panic(err)
	}
	return n
}

// The line in the log admits the peer when it is pasted under peers:, whatever it calls
// itself.
func TestTheAdmittingLineAdmits(t *testing.T) {
	for _, title := range []string{"DX-ROOM 1", "NO", "O'BRIEN", "1E3", "A: B", "PACS", "{X}", "#1"} {
		n := admitting(nil, "peers:\n  - {name: peer-pacs, ae_title: OTHER, address: 10.0.0.1}\n")
		_, err := n.NewSession(t.Context(), calledBy(title))
		_, after, found := strings.Cut(err.Error(), "write under peers:")
		line, _, more := strings.Cut(after, ";")
		if !found || !more {
			t.Fatalf("%q: %v", title, err)
		}
		n = admitting(nil, "peers:\n  - {name: peer-pacs, ae_title: OTHER, address: 10.0.0.1}\n"+line+"\n")
		if _, err := n.NewSession(t.Context(), calledBy(title)); err != nil {
			t.Errorf("%q: after pasting %s: %v", title, line, err)
		}
	}
}

// A refusal says what is known of the peer, and what would become of its images.
func TestRefusalsSayWhatToDo(t *testing.T) {
	const dx = "peers:\n  - {name: dx1, ae_title: DX1, address: 10.0.0.21}\n  - {name: pacs, ae_title: PACS, address: 10.0.0.5:104}\n"
	for _, c := range []struct {
		calling, config, want string
	}{
		{"DX1", dx, "peer dx1 has AE title \"DX1\" but its address is 10.0.0.21, not 10.1.2.3; if it has moved, change its address"},
		{"DX2", dx, "no route takes its images: write one"},
		{"DX2", dx + "routes:\n  - {name: r, from: [dx1], outputs: [seg], send_to: [pacs]}\n", "no route takes its images: add peer-dx2 to from: of route r"},
		{"DX2", dx + "routes:\n  - {name: r, outputs: [seg], send_to: [pacs]}\n", "route r takes its images"},
	} {
		_, err := admitting(nil, c.config).NewSession(t.Context(), calledBy(c.calling))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.calling, err, c.want)
		}
	}
}

// Where calibration names peers, no other may send dark frames, and all may send images.
func TestWhoMayCalibrate(t *testing.T) {
	const peers = "peers:\n  - {name: dx1, ae_title: DX1, address: 10.1.2.3}\n  - {name: dx2, ae_title: DX2, address: 10.1.2.3}\n"
	for _, c := range []struct {
		calling, called, config string
		ok                      bool
	}{
		{"DX1", "XNETDARK", peers, true},
		{"DX1", "XNETDARK", peers + "calibration: {peers: [dx1]}\n", true},
		{"DX2", "XNETDARK", peers + "calibration: {peers: [dx1]}\n", false},
		{"DX2", "XNET", peers + "calibration: {peers: [dx1]}\n", true},
	} {
		p := calledBy(c.calling)
		p.Called = c.called
		_, err := admitting(nil, c.config).NewSession(t.Context(), p)
		if (err == nil) != c.ok || !c.ok && !strings.Contains(err.Error(), "add dx2 to calibration") {
			t.Errorf("%s calls %s: %v", c.calling, c.called, err)
		}
	}
}

// A name that does not resolve now may do so at the next try.
func TestAHostNameThatDoesNotResolve(t *testing.T) {
	const peers = "peers:\n  - {name: dx1, ae_title: DX1, address: dx1.hospital:104}\n"
	fails := func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	_, err := admitting(fails, peers).NewSession(t.Context(), calledBy("DX1"))
	var rejected *scp.RejectError
	if !errors.As(err, &rejected) || rejected.Result != 2 || rejected.Source != 1 || rejected.Reason != 1 || !errors.Is(err, errUnresolved) {
		t.Errorf("%v, want a transient refusal", err)
	}
	works := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.1.2.3")}, nil
	}
	if _, err := admitting(works, peers).NewSession(t.Context(), calledBy("DX1")); err != nil {
		t.Error(err)
	}
	const twice = peers + "  - {name: dx1b, ae_title: DX1, address: 10.1.2.3}\n"
	if _, err := admitting(fails, twice).NewSession(t.Context(), calledBy("DX1")); err != nil {
		t.Errorf("another peer of this AE title, by its address: %v", err)
	}
}
