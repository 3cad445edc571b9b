package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// testNode is a node in this process.
type testNode struct {
	*Node
	nodetest.Running
}

// startNode runs a node on loopback until the test ends.
func startNode(t *testing.T, c configs.Config) *testNode {
	t.Helper()
	nodetest.RequireModel(t)
	return serveNode(t, Options{Config: c})
}

// serveNode speaks DICOM TLS alone where the configuration names a certificate.
func serveNode(t *testing.T, o Options, change ...func(*Node)) *testNode {
	t.Helper()
	n := &testNode{}
	secure := func(ln net.Listener) net.Listener {
		if o.Config.TLS.Certificate == "" {
			return ln
		}
		return n.Secure(ln)
	}
	n.Running = nodetest.RunOver(t, func(log *slog.Logger) (_ nodetest.Server, err error) {
		o.Version, o.Log = "test", log
		if n.Node, err = Open(t.Context(), o); err != nil {
			return nil, err
		}
		for _, f := range change {
			f(n.Node)
		}
		return n.Node, nil
	}, secure)
	return n
}

// The whole chain: an image that arrives by C-STORE comes back as a segmentation.
func TestImageComesBackAsSEG(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	n := startNode(t, nodetest.Embedded(nodetest.Config(t.TempDir(), pacs.Addr.Host)))
	images := nodetest.Radiographs(t, 2)
	nodetest.Store(t, n.As("MODALITY", "XNET"), images)
	for uid, o := range nodetest.Receive(t, pacs, 2) {
		masks, rows, cols, err := seg.ReadMasks(o.Dataset)
		if err != nil {
			t.Fatal(err)
		}
		if rows != nodetest.Detector.Rows || cols != nodetest.Detector.Columns || len(masks) != 4 {
			t.Errorf("%d masks of %d×%d, want 4 of %d×%d", len(masks), rows, cols, nodetest.Detector.Rows, nodetest.Detector.Columns)
		}
		if strings.Contains(n.Log.String(), uid) {
			t.Error("a SOP Instance UID is in the log")
		}
	}
	if strings.Contains(n.Log.String(), "SIMULATED^") {
		t.Error("a patient's name is in the log")
	}
}

// Dark frames go to the calibration AE title and are used for the next image.
func TestDarkFramesAreLearnt(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
	nodetest.Store(t, n.As("MODALITY", "XNETDARK"), nodetest.DarkFrames(t, 3))
	ctx, cancel := context.WithTimeout(t.Context(), nodetest.Time)
	defer cancel()
	if s, err := n.Settled(ctx); err != nil || s.Quarantined > 0 {
		t.Fatalf("dark jobs: %+v, %v", s, err)
	}
	img, err := decode.ReadFile(context.Background(), nodetest.Radiographs(t, 1)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := n.engine.Run(ctx, img)
	if err != nil {
		t.Fatal(err)
	}
	if res.Dark.Method != "dark frames" || res.Dark.Frames != 3 {
		t.Errorf("dark correction by %q with %d frames, want dark frames, 3", res.Dark.Method, res.Dark.Frames)
	}
	if mean := res.Dark.Offset; mean < 240 || mean > 260 {
		t.Errorf("mean offset %.1f, the detector has 250 on average", mean)
	}
}

// Deny by default: each refusal has its reason, and the log has the line that
// would admit the peer.
func TestRefusals(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	c.Peers = append(c.Peers, configs.Peer{Name: "far", AETitle: "FAR", Address: "10.9.9.9"})
	n := startNode(t, c)
	cases := []struct {
		calling, called string
		reject          scp.RejectError
		log             string
	}{
		{"STRANGER", "XNET", scp.RejectCallingAETitle, `write under peers:  - {name: peer-stranger, ae_title: 'STRANGER', address: '127.0.0.1'}; no route takes its images: add peer-stranger to from: of route radiographs`},
		{"FAR", "XNET", scp.RejectCallingAETitle, "peer far has AE title"},
		{"MODALITY", "OTHER", scp.RejectCalledAETitle, `set node: {ae_title: 'OTHER'}`},
	}
	for _, c := range cases {
		client, err := n.As(c.calling, c.called).Dial(t.Context(), scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
		var rejected *scp.RejectError
		if !errors.As(err, &rejected) {
			if client != nil {
				client.Abort()
			}
			t.Fatalf("%s calling %s: %v, want a rejection", c.calling, c.called, err)
		}
		if rejected.Result != c.reject.Result || rejected.Source != c.reject.Source || rejected.Reason != c.reject.Reason {
			t.Errorf("%s calling %s: %d/%d/%d", c.calling, c.called, rejected.Result, rejected.Source, rejected.Reason)
		}
		if !strings.Contains(n.Log.String(), c.log) {
			t.Errorf("the log does not say %q:\n%s", c.log, n.Log)
		}
	}
}

// Everything that the conformance statement lists is accepted, nothing else.
func TestNegotiation(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	n := startNode(t, c)
	accepted := map[string][]string{}
	for _, s := range supportedContexts(c, nil) {
		accepted[s.AbstractSyntax] = s.TransferSyntaxes
	}
	delete(accepted, uid.StorageCommitmentPushModel) // not of this peer: see TestOnlyTheDestinationCommits
	const ctImage, jpegBaseline = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.50"
	var proposals []scp.Proposal
	for class := range accepted {
		proposals = append(proposals, scp.Proposal{AbstractSyntax: class, TransferSyntaxes: append([]string{jpegBaseline}, accepted[class]...)})
	}
	proposals = append(proposals, scp.Proposal{AbstractSyntax: ctImage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	client, err := n.As("MODALITY", "XNET").Dial(t.Context(), proposals...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	for class, syntaxes := range accepted {
		for _, ts := range syntaxes {
			if !client.Accepted(class, ts) {
				t.Errorf("SOP class %s in %s is not accepted", class, ts)
			}
		}
		if client.Accepted(class, jpegBaseline) {
			t.Errorf("SOP class %s in JPEG baseline is accepted", class)
		}
	}
	if client.Accepted(ctImage, uid.ExplicitVRLittleEndian) {
		t.Error("CT images are accepted")
	}
	if err := client.Release(t.Context()); err != nil {
		t.Error(err)
	}
	nodetest.Until(t, "a warning of an association without an object", func() bool {
		return strings.Contains(n.Log.String(), `level=WARN msg="association released with nothing stored"`)
	})
}

// An image that no route matches is kept and not segmented; a reloaded
// configuration admits a new peer without a restart.
func TestRoutesAndReload(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	c := nodetest.Config(t.TempDir(), pacs.Addr.Host)
	c.Routes[0].Modalities = []string{"MG"}
	n := startNode(t, c)
	images := nodetest.Radiographs(t, 3)
	nodetest.Store(t, n.As("MODALITY", "XNET"), images[:1])
	if s := n.Settle(t); s.Quarantined > 0 || s.Objects != 1 {
		t.Errorf("after an image without route: %+v, want one object and no job", s)
	}
	if !strings.Contains(n.Log.String(), "no route matches") {
		t.Error("the log does not say that no route matches")
	}
	c.Routes[0].Modalities = []string{"DX"}
	c.Routes[0].From = []string{"modality", "second"}
	c.Peers = append(c.Peers, configs.Peer{Name: "second", AETitle: "SECOND", Address: "127.0.0.0/8"})
	n.Reload(c)
	nodetest.Store(t, n.As("SECOND", "XNET"), images[1:2])
	nodetest.Receive(t, pacs, 1)
}

// A bad file changes nothing.
func TestReloadRefusesBadFile(t *testing.T) {
	n := startNode(t, nodetest.Config(t.TempDir(), "127.0.0.1:104"))
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("peers:\n  - {nam: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.ReloadFile(path)
	if got := len(n.config.Load().Peers); got != 2 {
		t.Errorf("%d peers after a bad file, want 2", got)
	}
	if !strings.Contains(n.Log.String(), "configuration not reloaded: line 2") {
		t.Errorf("log: %s", n.Log)
	}
}

// What cannot be segmented is quarantined and does not hold up what follows.
func TestUnreadablePixelsAreQuarantined(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
	images := nodetest.Radiographs(t, 2)
	withoutPixels := nodetest.Rewritten(t, images[0], func(b []byte) []byte { return b[:len(b)-nodetest.PixelBytes-12] })
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{withoutPixels, images[1]})
	nodetest.Receive(t, pacs, 1)
	if s := n.Settle(t); s.Quarantined != 1 {
		t.Errorf("%d jobs are quarantined, want 1", s.Quarantined)
	}
	queue, err := n.archive.Queue(t.Context())
	if err != nil || len(queue) != 1 || queue[0].Reason == "" {
		t.Errorf("queue: %+v, %v; want one job with a reason", queue, err)
	}
}

// An object that changed under its UID is refused; the same object is not.
func TestDuplicates(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
	images := nodetest.Radiographs(t, 1)
	modality := n.As("MODALITY", "XNET")
	nodetest.Store(t, modality, images)
	nodetest.Store(t, modality, images)
	nodetest.Receive(t, pacs, 1)
	n.Settle(t)
	changed := nodetest.Rewritten(t, images[0], func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	results, err := modality.StoreFiles(t.Context(), []string{changed}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Status != "C111" {
		t.Errorf("a changed object under a known UID: %+v, want status C111", results[0])
	}
}

// What comes in a study beside its images is kept where the configuration says so,
// neither segmented nor told of as an image without a route.
func TestOtherObjectsAreKept(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:1")
	c.Node.AcceptOther = "keep"
	n := startNode(t, c)
	image := nodetest.Image{Name: "other", Rows: 8, Cols: 8}.File(t, t.TempDir())
	h, err := scu.ReadHeader(image)
	if err != nil {
		t.Fatal(err)
	}
	const ct = "1.2.840.10008.5.1.4.1.1.2"
	file := nodetest.Rewritten(t, image, func(b []byte) []byte { // as long: the class ends with padding
		padded := []byte(ct + strings.Repeat("\x00", len(h.SOPClassUID)+len(h.SOPClassUID)%2-len(ct)))
		class := []byte(h.SOPClassUID)
		for i := 0; i+len(class) <= len(b); i++ {
			if string(b[i:i+len(class)]) == string(class) {
				copy(b[i:], padded)
			}
		}
		return b
	})
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{file})
	if s := n.Settle(t); s.Objects != 1 || s.Quarantined > 0 {
		t.Errorf("%+v, want one object and no job", s)
	}
	for text, want := range map[string]bool{"purpose=keep": true, "no route": false} {
		if got := strings.Contains(n.Log.String(), text); got != want {
			t.Errorf("%q in the log: %v, want %v", text, got, want)
		}
	}
}

// A pause that another process sets is obeyed by the running node: the result waits, no
// attempt is counted, and it goes when the pause ends.
func TestPauseIsObeyed(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{})
	c := nodetest.Config(t.TempDir(), pacs.Address)
	n := startNode(t, c)
	beside, err := archive.OpenShared(t.Context(), archive.Options{Dir: ArchiveDir(c)})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if err := beside.PauseDestination(archive.WithReason(t.Context(), "upgrade"), "pacs"); err != nil {
		t.Fatal(err)
	}
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "paused", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	nodetest.Until(t, "a delivery that is begun", func() bool {
		entries, err := beside.Queue(t.Context())
		return err == nil && len(entries) == 1 && entries[0].Kind == "deliver" && entries[0].State == archive.Running
	})
	if pacs.Most() > 0 {
		t.Error("the destination got the result while it was paused")
	}
	if was, err := beside.ResumeDestination(t.Context(), "pacs"); !was || err != nil {
		t.Fatal(was, err)
	}
	n.Settle(t)
	if pacs.Most() != 1 || strings.Contains(n.Log.String(), "destination fails") {
		t.Errorf("the result arrived %d times", pacs.Most())
	}
}

// A reload names what it strands: deliveries to a peer that is gone.
func TestReloadNamesWhatItStrands(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:1")
	n := startNode(t, c)
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "stranded", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	nodetest.Until(t, "a delivery that waits", func() bool {
		entries, err := n.archive.Queue(t.Context())
		return err == nil && len(entries) == 1 && entries[0].Kind == "deliver"
	})
	c.Peers, c.Routes = c.Peers[:1], nil
	n.Reload(c)
	want := `level=WARN msg="deliveries wait for a destination that the configuration no longer has" destination=pacs jobs=1 hint="write the peer back, or give them up: dicomnode queue drop pacs"`
	if !strings.Contains(n.Log.String(), want) {
		t.Errorf("the log lacks %s", want)
	}
}
