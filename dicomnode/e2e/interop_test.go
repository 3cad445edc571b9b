package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"dicomnode/dicomnode/demo/pacs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
)

// encodings are the same lower leg in transfer syntaxes that lose nothing, and the
// option with which DCMTK sends each as it is.
var encodings = []struct{ file, option string }{
	{"RG3_UNC", "-xe"}, {"RG3_ImplicitLE", "-xi"}, {"RG3_BigEndian", "-xb"}, {"RG3_Deflated", "-xd"}, {"RG3_RLE", "-xr"},
	{"RG3_JPLL", "-xs"}, {"RG3_JLSL", "-xt"}, {"RG3_J2KR", "-xv"},
}

// lossyEncodings are those that lost information.
var lossyEncodings = []struct{ file, option, method string }{
	{"RG3_JPLY", "-xx", "ISO_10918_1"}, {"RG3_JLSN", "-xu", "ISO_14495_1"}, {"RG3_J2KI", "-xw", "ISO_15444_1"},
}

// What DCMTK sends in a lossy syntax is segmented, and the result says that information
// was lost (PS3.3 C.7.6.1.1.5).
func TestLossyEncodings(t *testing.T) {
	t.Parallel()
	codectest.Folder(t)
	pacs := nodetest.NewPACS(t)
	for _, e := range lossyEncodings { // one instance, so that each needs a node of its own
		n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
		nodetest.Storescu(t, n.Addr, e.option, dicomtest.Shared(t, "dicom", e.file+".dcm"))
		found := false
		for _, o := range nodetest.Receive(t, pacs, 1) {
			found = found || bytes.Contains(o.Dataset, []byte("\x28\x00\x10\x21CS\x02\x0001")) && bytes.Contains(o.Dataset, []byte(e.method))
		}
		if !found {
			t.Errorf("%s: no result says that it lost information by %s", e.file, e.method)
		}
	}
}

// The encoding of an image changes nothing in its masks, and the border that was
// not exposed belongs to no segment.
func TestEncodingsGiveTheSameMasks(t *testing.T) {
	t.Parallel()
	pacs := nodetest.NewPACS(t)
	var want []picture.Mask
	for _, e := range encodings {
		file := dicomtest.Shared(t, "dicom", e.file+".dcm")
		n := startNode(t, nodetest.Embedded(nodetest.Config(t.TempDir(), pacs.Addr.Host)))
		nodetest.Storescu(t, n.Addr, e.option, file)
		for _, o := range nodetest.Receive(t, pacs, 1) {
			masks, rows, cols, err := seg.ReadMasks(o.Dataset)
			if err != nil {
				t.Fatal(err)
			}
			if rows != 1760 || cols != 1760 || len(masks) != 4 {
				t.Fatalf("%s: %d masks of %d×%d", e.file, len(masks), rows, cols)
			}
			if want == nil {
				want = masks
				checkBorder(t, masks, rows, cols)
			}
			for i, m := range masks {
				if differ := different(m, want[i]); differ > 0 {
					t.Errorf("%s: segment %d differs from %s in %d pixels", e.file, i+1, encodings[0].file, differ)
				}
			}
			judge(t, o)
		}
	}
}

func different(a, b picture.Mask) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// checkBorder: 42 % of RG3 is labelled as exposed; the rest, with all four corners,
// is the collimator's shadow.
func checkBorder(t *testing.T, masks []picture.Mask, rows, cols int) {
	t.Helper()
	covered := 0
	for p := range rows * cols {
		if masks[0][p] || masks[1][p] || masks[2][p] {
			covered++
		}
	}
	if share := float64(covered) / float64(rows*cols); share < 0.42 || share > 0.47 {
		t.Errorf("%.0f %% of the image belong to a segment; 42 %% are labelled as exposed", 100*share)
	}
	for _, p := range []int{0, cols - 1, (rows - 1) * cols, rows*cols - 1} {
		for i, m := range masks {
			if m[p] {
				t.Errorf("segment %d holds a corner of the unexposed border", i+1)
			}
		}
	}
}

// judge asks dciodvfy about a segmentation that was received.
func judge(t *testing.T, o pacs.Object) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seg.dcm")
	if err := os.WriteFile(path, o.Part10(), 0o600); err != nil {
		t.Fatal(err)
	}
	nodetest.Dciodvfy(t, path)
}

// DCMTK as modality and as PACS: one segmentation per image.
func TestDCMTK(t *testing.T) {
	t.Parallel()
	program, dir, port := nodetest.PeerProgram(t, "storescp"), t.TempDir(), nodetest.FreePort(t)
	nodetest.StartProgram(t, dir, program, "-aet", "PACS", "-od", dir, strconv.Itoa(port))
	pacs := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	nodetest.Until(t, "storescp", nodetest.Listening(pacs))
	n := startNode(t, nodetest.Config(t.TempDir(), pacs))
	images := nodetest.Radiographs(t, 3)
	nodetest.Storescu(t, n.Addr, "", images...)
	want := len(images)
	if _, err := os.Stat("../../../shared/data"); err == nil || os.Getenv("REQUIRE_SHARED") == "1" {
		nodetest.Storescu(t, n.Addr, "", dicomtest.Shared(t, "dicom", "RG2_UNC.dcm"), dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"))
		want += 2
	}
	if s := n.Settle(t); s.Quarantined > 0 {
		t.Fatalf("%d jobs are quarantined", s.Quarantined)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != want {
		t.Errorf("storescp has %d files, want %d", len(files), want)
	}
	for _, f := range files {
		nodetest.Dciodvfy(t, f)
	}
}

// An implicit-only PACS takes the segmentation too (PS3.5 10.1).
func TestImplicitOnlyDCMTK(t *testing.T) {
	t.Parallel()
	program, dir, port := nodetest.PeerProgram(t, "storescp"), t.TempDir(), nodetest.FreePort(t)
	nodetest.StartProgram(t, dir, program, "+xi", "-aet", "PACS", "-od", dir, strconv.Itoa(port))
	pacs := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	nodetest.Until(t, "storescp", nodetest.Listening(pacs))
	n := startNode(t, nodetest.Config(t.TempDir(), pacs))
	nodetest.Storescu(t, n.Addr, "", nodetest.Radiographs(t, 1)...)
	if s := n.Settle(t); s.Quarantined > 0 {
		t.Fatalf("%d jobs are quarantined", s.Quarantined)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("storescp has %d files, want 1: %v", len(files), err)
	}
	h, err := scu.ReadHeader(files[0])
	if err != nil || h.TransferSyntaxUID != uid.ImplicitVRLittleEndian {
		t.Errorf("transfer syntax %s, %v; want Implicit VR Little Endian", h.TransferSyntaxUID, err)
	}
	nodetest.Dciodvfy(t, files[0])
}

// Orthanc as its users set it up: it forwards what it stores, and gets the
// segmentation back into the study.
func TestOrthancForwards(t *testing.T) {
	t.Parallel()
	nodetest.PeerProgram(t, "Orthanc")
	dicomPort := nodetest.FreePort(t)
	n := startNode(t, orthancConfig(t, dicomPort))
	o := nodetest.StartOrthanc(t, dicomPort, n.Port(t))

	images := nodetest.Radiographs(t, 2)
	studies := map[string]bool{}
	for _, file := range images {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := part10.ReadHeader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		studies[h.StudyInstanceUID] = true
		var stored map[string]any
		o.Post(t, "/instances", b, &stored)
	}
	nodetest.Until(t, "segmentations in Orthanc", func() bool { return len(o.Find(t, "SEG")) >= len(images) })
	n.Settle(t)
	ids := o.Find(t, "SEG")
	if len(ids) != len(images) {
		t.Errorf("Orthanc has %d segmentations, want %d", len(ids), len(images))
	}
	for i, id := range ids {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.dcm", i))
		b := o.File(t, id)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		nodetest.Dciodvfy(t, file)
		h, err := part10.ReadHeader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if !studies[h.StudyInstanceUID] {
			t.Error("a segmentation is in no study of its image")
		}
	}
}

// Orthanc stores an image while the node is down: it is sent when the node is there
// again, by the script that the recipe runs every minute.
func TestOrthancForwardsLater(t *testing.T) {
	t.Parallel()
	nodetest.PeerProgram(t, "Orthanc")
	dicomPort := nodetest.FreePort(t)
	p := nodetest.NewProcess(t, fmt.Sprintf(`peers:
  - {name: orthanc, ae_title: ORTHANC, address: "127.0.0.1:%d"}
routes:
  - {name: all, from: [orthanc], send_to: [orthanc]}
`, dicomPort))
	o := nodetest.StartOrthanc(t, dicomPort, p.Port)
	b, err := os.ReadFile(nodetest.Radiographs(t, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	o.Post(t, "/instances", b, &stored)
	nodetest.Until(t, "a transfer that failed", func() bool {
		for _, state := range o.Jobs(t) {
			if state == "Failure" {
				return true
			}
		}
		return false
	})
	p.Start(t)
	o.Resubmit(t)
	nodetest.Until(t, "a segmentation in Orthanc", func() bool { return len(o.Find(t, "SEG")) == 1 })
	p.Stop(t)
}
