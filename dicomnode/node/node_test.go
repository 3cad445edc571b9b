package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// testTime bounds one test that talks to a node.
const testTime = 90 * time.Second

// testNode is a node in this process, with what it logged.
type testNode struct {
	*node
	addr string
	log  *lockedBuffer
}

// requireModel skips a test where ONNX Runtime is not there, and fails it where
// it must be.
func requireModel(t testing.TB) {
	t.Helper()
	s, _, err := openModel(t.Context(), configs.Default())
	if err != nil {
		if os.Getenv("REQUIRE_ORT") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// startNode runs a node on loopback until the test ends.
func startNode(t *testing.T, c configs.Config) *testNode {
	t.Helper()
	requireModel(t)
	if c.Node.DataDir == configs.Default().Node.DataDir {
		c.Node.DataDir = t.TempDir()
	}
	log := &lockedBuffer{}
	n, err := openNode(t.Context(), c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, n.close()); err != nil {
			t.Errorf("node: %v", err)
		}
		if t.Failed() {
			t.Logf("node's log:\n%s", log)
		}
	})
	return &testNode{n, ln.Addr().String(), log}
}

// lockedBuffer collects a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newTestPACS(t *testing.T) *smallPACS {
	t.Helper()
	p, err := startPACS(context.Background(), "PACS", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(context.Background()); err != nil {
			t.Errorf("PACS: %v", err)
		}
	})
	return p
}

// as calls the node as that application entity.
func (n *testNode) as(calling, called string) destination {
	c := configs.Default()
	c.Node.AETitle = calling
	return destination{c, configs.Peer{Name: "node", AETitle: called, Address: n.addr}}
}

// receive waits for the segmentations of n images, by source SOP Instance UID.
func receive(t *testing.T, p *smallPACS, n int) map[string]receivedObject {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	got := map[string]receivedObject{}
	for len(got) < n {
		select {
		case o := <-p.objects:
			uid, err := o.source()
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := got[uid]; twice {
				t.Errorf("two segmentations of one image")
			}
			got[uid] = o
		case <-ctx.Done():
			t.Fatalf("%d of %d segmentations came back", len(got), n)
		}
	}
	return got
}

func mustStore(t *testing.T, d destination, files []string) {
	t.Helper()
	results, err := d.storeFiles(t.Context(), files, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Error != "" {
			t.Fatalf("%s: %s", filepath.Base(r.File), r.Error)
		}
	}
}

// The whole chain: an image that arrives by C-STORE comes back as a segmentation.
func TestImageComesBackAsSEG(t *testing.T) {
	pacs := newTestPACS(t)
	n := startNode(t, demoConfig(t.TempDir(), pacs.addr.Host))
	images := simulated(t, 2)
	mustStore(t, n.as("MODALITY", "XNET"), images)
	for uid, o := range receive(t, pacs, 2) {
		masks, rows, cols, err := seg.ReadMasks(o.dataset)
		if err != nil {
			t.Fatal(err)
		}
		if rows != testDetector.Rows || cols != testDetector.Columns || len(masks) != 4 {
			t.Errorf("%d masks of %d×%d, want 4 of %d×%d", len(masks), rows, cols, testDetector.Rows, testDetector.Columns)
		}
		if strings.Contains(n.log.String(), uid) {
			t.Error("a SOP Instance UID is in the log")
		}
	}
	if strings.Contains(n.log.String(), "SIMULATED^") {
		t.Error("a patient's name is in the log")
	}
}

// Dark frames go to the calibration AE title and are used for the next image.
func TestDarkFramesAreLearnt(t *testing.T) {
	pacs := newTestPACS(t)
	n := startNode(t, demoConfig(t.TempDir(), pacs.addr.Host))
	mustStore(t, n.as("MODALITY", "XNETDARK"), simulatedDarks(t, 3))
	d := &demo{node: n.node}
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	if s, err := d.settled(ctx); err != nil || s.Quarantined > 0 {
		t.Fatalf("dark jobs: %+v, %v", s, err)
	}
	img, err := decode.ReadFile(simulated(t, 1)[0])
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
	c := demoConfig(t.TempDir(), "127.0.0.1:104")
	c.Peers = append(c.Peers, configs.Peer{Name: "far", AETitle: "FAR", Address: "10.9.9.9"})
	n := startNode(t, c)
	cases := []struct {
		calling, called string
		reason          byte
		log             string
	}{
		{"STRANGER", "XNET", callingNotRecognized, `{name: NAME, ae_title: \"STRANGER\", address: \"127.0.0.1\"}`},
		{"FAR", "XNET", callingNotRecognized, "peer far has AE title"},
		{"MODALITY", "OTHER", calledNotRecognized, `set node: {ae_title: \"OTHER\"}`},
	}
	for _, c := range cases {
		client, err := n.as(c.calling, c.called).dial(t.Context(), scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
		var rejected *scp.RejectError
		if !errors.As(err, &rejected) {
			if client != nil {
				client.Abort()
			}
			t.Fatalf("%s calling %s: %v, want a rejection", c.calling, c.called, err)
		}
		if rejected.Result != rejectedPermanent || rejected.Source != serviceUser || rejected.Reason != c.reason {
			t.Errorf("%s calling %s: %d/%d/%d", c.calling, c.called, rejected.Result, rejected.Source, rejected.Reason)
		}
		if !strings.Contains(n.log.String(), c.log) {
			t.Errorf("the log does not say %q:\n%s", c.log, n.log)
		}
	}
}

// Everything that the conformance statement lists is accepted, nothing else.
func TestNegotiation(t *testing.T) {
	n := startNode(t, demoConfig(t.TempDir(), "127.0.0.1:104"))
	accepted := map[string][]string{}
	for _, s := range supportedContexts() {
		accepted[s.AbstractSyntax] = s.TransferSyntaxes
	}
	const ctImage, jpegBaseline = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.50"
	var proposals []scp.Proposal
	for class := range accepted {
		proposals = append(proposals, scp.Proposal{AbstractSyntax: class, TransferSyntaxes: append([]string{jpegBaseline}, accepted[class]...)})
	}
	proposals = append(proposals, scp.Proposal{AbstractSyntax: ctImage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	client, err := n.as("MODALITY", "XNET").dial(t.Context(), proposals...)
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
}

// An image that no route matches is kept and not segmented; a reloaded
// configuration admits a new peer without a restart.
func TestRoutesAndReload(t *testing.T) {
	pacs := newTestPACS(t)
	c := demoConfig(t.TempDir(), pacs.addr.Host)
	c.Routes[0].Modalities = []string{"MG"}
	n := startNode(t, c)
	images := simulated(t, 3)
	mustStore(t, n.as("MODALITY", "XNET"), images[:1])
	if s := settle(t, n); s.Quarantined > 0 || s.Objects != 1 {
		t.Errorf("after an image without route: %+v, want one object and no job", s)
	}
	if !strings.Contains(n.log.String(), "no route matches") {
		t.Error("the log does not say that no route matches")
	}
	c.Routes[0].Modalities = []string{"DX"}
	c.Routes[0].From = []string{"modality", "second"}
	c.Peers = append(c.Peers, configs.Peer{Name: "second", AETitle: "SECOND", Address: "127.0.0.0/8"})
	n.reload(c)
	mustStore(t, n.as("SECOND", "XNET"), images[1:2])
	receive(t, pacs, 1)
}

func settle(t *testing.T, n *testNode) (s struct{ Quarantined, Objects int }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	stats, err := (&demo{node: n.node}).settled(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.Quarantined, s.Objects = stats.Quarantined, int(stats.Objects)
	return s
}

// A bad file changes nothing.
func TestReloadRefusesBadFile(t *testing.T) {
	n := startNode(t, demoConfig(t.TempDir(), "127.0.0.1:104"))
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("peers:\n  - {nam: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.reloadFile(path)
	if got := len(n.config.Load().Peers); got != 2 {
		t.Errorf("%d peers after a bad file, want 2", got)
	}
	if !strings.Contains(n.log.String(), "configuration not reloaded: line 2") {
		t.Errorf("log: %s", n.log)
	}
}

// What cannot be segmented is quarantined and does not hold up what follows.
func TestUnreadablePixelsAreQuarantined(t *testing.T) {
	pacs := newTestPACS(t)
	n := startNode(t, demoConfig(t.TempDir(), pacs.addr.Host))
	images := simulated(t, 2)
	withoutPixels := rewritten(t, images[0], func(b []byte) []byte { return b[:len(b)-pixelBytes-12] })
	mustStore(t, n.as("MODALITY", "XNET"), []string{withoutPixels, images[1]})
	receive(t, pacs, 1)
	if s := settle(t, n); s.Quarantined != 1 {
		t.Errorf("%d jobs are quarantined, want 1", s.Quarantined)
	}
	queue, err := n.archive.Queue(t.Context())
	if err != nil || len(queue) != 1 || queue[0].Reason == "" {
		t.Errorf("queue: %+v, %v; want one job with a reason", queue, err)
	}
}

// An object that changed under its UID is refused; the same object is not.
func TestDuplicates(t *testing.T) {
	pacs := newTestPACS(t)
	n := startNode(t, demoConfig(t.TempDir(), pacs.addr.Host))
	images := simulated(t, 1)
	modality := n.as("MODALITY", "XNET")
	mustStore(t, modality, images)
	mustStore(t, modality, images)
	receive(t, pacs, 1)
	settle(t, n)
	changed := rewritten(t, images[0], func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	results, err := modality.storeFiles(t.Context(), []string{changed}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Status != fmt.Sprintf("%04X", uint16(scp.DuplicateSOPInstance)) {
		t.Errorf("a changed object under a known UID: %+v, want status 0111", results[0])
	}
}
