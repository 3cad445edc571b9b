package node

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
)

// codecsIn opens a pool of the libraries in a folder, which the node closes.
func codecsIn(t *testing.T, folder string) *codec.Pool {
	t.Helper()
	p, err := codec.Open(codec.Options{Folder: folder, Command: []string{codectest.Program(t)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every syntax is accepted in a context of its own; within one context what is
// uncompressed comes first, then what loses nothing, whatever the order of the proposal.
func TestNegotiationOfCompressed(t *testing.T) {
	nodetest.RequireModel(t)
	n := serveNode(t, Options{Config: nodetest.Config(t.TempDir(), "127.0.0.1:104"), Codecs: codecsIn(t, codectest.Folder(t))})
	type context struct {
		proposed []string
		want     string
	}
	contexts := []context{
		{[]string{uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.ImplicitVRLittleEndian}, uid.ImplicitVRLittleEndian},
		{[]string{uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEG2000Lossless}, uid.JPEG2000Lossless},
		{[]string{uid.JPEG2000, uid.HTJ2KLossless, uid.JPEGLSLossless}, uid.JPEGLSLossless},
		{[]string{uid.JPEG2000Lossless, uid.ExplicitVRBigEndian}, uid.ExplicitVRBigEndian},
		{[]string{uid.JPEG2000, uid.JPEGBaseline8Bit}, uid.JPEGBaseline8Bit},
		{[]string{uid.JPEGXL}, ""},
	}
	for _, ts := range codec.All() {
		contexts = append(contexts, context{[]string{ts}, ts})
	}
	rq := &ul.Associate{ProtocolVersion: 1, Called: "XNET", Calling: "MODALITY", ApplicationContext: uid.ApplicationContext,
		User: ul.UserInformation{MaximumLength: 16384, ImplementationClassUID: uid.Implementation}}
	for i, c := range contexts {
		rq.Contexts = append(rq.Contexts, ul.Context{ID: byte(2*i + 1), AbstractSyntax: uid.ComputedRadiographyImageStorage, TransferSyntaxes: c.proposed})
	}
	ac := associate(t, n.Addr, rq)
	for i, c := range contexts {
		a := ac.Contexts[i]
		if accepted := a.Result == ul.Acceptance; accepted != (c.want != "") || accepted && a.TransferSyntaxes[0] != c.want {
			t.Errorf("of %v: result %d, %v; want %q", c.proposed, a.Result, a.TransferSyntaxes, c.want)
		}
	}
}

// associate sends an association request and returns the acceptance.
func associate(t *testing.T, addr string, rq *ul.Associate) *ul.Associate {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answer, err := ul.NewConn(nc, false, rq.User.MaximumLength, ul.Timeouts{ARTIM: nodetest.Time, Read: nodetest.Time, Write: nodetest.Time}).Associate(rq)
	if err != nil {
		t.Fatal(err)
	}
	ac, ok := answer.(*ul.Associate)
	if !ok {
		t.Fatalf("answered %T", answer)
	}
	return ac
}

// A node without the libraries takes no compressed image and says what to run.
func TestNodeWithoutCodecs(t *testing.T) {
	nodetest.RequireModel(t)
	n := serveNode(t, Options{Config: nodetest.Config(t.TempDir(), "127.0.0.1:104"), Codecs: codecsIn(t, t.TempDir())})
	if client, err := n.As("MODALITY", "XNET").Dial(t.Context(), scp.Proposal{AbstractSyntax: uid.ComputedRadiographyImageStorage, TransferSyntaxes: []string{uid.JPEG2000Lossless}}); err == nil {
		if client.Accepted(uid.ComputedRadiographyImageStorage, uid.JPEG2000Lossless) {
			t.Error("JPEG 2000 is accepted")
		}
		client.Abort()
	}
	if log := n.Log.String(); !strings.Contains(log, "make runtime") || !strings.Contains(log, "OpenJPEG") {
		t.Errorf("the log does not say what to run:\n%s", log)
	}
}

// An image of each family goes from the modality to its result.
func TestCompressedImageIsSegmented(t *testing.T) {
	nodetest.RequireModel(t)
	pacs := nodetest.NewPACS(t)
	n := serveNode(t, Options{Config: nodetest.Config(t.TempDir(), pacs.Addr.Host), Codecs: codecsIn(t, codectest.Folder(t))})
	var files []string
	for _, file := range nodetest.EverySyntax(t) {
		switch strings.TrimSuffix(filepath.Base(file), ".dcm") {
		case uid.JPEGLosslessSV1, uid.JPEGLSNearLossless, uid.JPEG2000Lossless, uid.HTJ2K:
			files = append(files, file)
		}
	}
	nodetest.Store(t, n.As("MODALITY", "XNET"), files)
	nodetest.Receive(t, pacs, 4)
}

// An accepted image whose decoder has gone waits, in words, and is segmented when it is
// back. It is stored in the syntax it came in.
func TestImageWaitsForItsDecoder(t *testing.T) {
	nodetest.RequireModel(t)
	pacs, libraries, gone := nodetest.NewPACS(t), codectest.Folder(t), t.TempDir()
	n := serveNode(t, Options{Config: nodetest.Config(t.TempDir(), pacs.Addr.Host), Codecs: codecsIn(t, libraries)}, func(n *Node) {
		n.codecs.Close()
		n.codecs = codecsIn(t, gone)
	})
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{dicomtest.Shared(t, "dicom", "RG3_J2KR.dcm")})
	var e archive.Entry
	nodetest.Until(t, "the job to wait", func() bool {
		entries, err := n.archive.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 1 {
			e = entries[0]
		}
		return len(entries) == 1 && e.Reason != ""
	})
	if e.State != archive.Waiting || e.Attempts != 0 || !strings.Contains(e.Reason, "decoder missing: no OpenJPEG library") || !strings.Contains(e.Reason, "make runtime") || e.NextAt.Before(time.Now()) {
		t.Fatalf("%+v", e)
	}
	o, err := n.archive.Object(t.Context(), e.ObjectID)
	if err != nil || o.TransferSyntaxUID != uid.JPEG2000Lossless {
		t.Errorf("stored in %s, %v", o.TransferSyntaxUID, err)
	}
	if err := os.Symlink(filepath.Join(libraries, "libopenjp2.so"), filepath.Join(gone, "libopenjp2.so")); err != nil {
		t.Fatal(err)
	}
	if _, err := n.archive.Retry(t.Context(), e.ID); err != nil { // sooner than in a minute
		t.Fatal(err)
	}
	nodetest.Receive(t, pacs, 1)
}
