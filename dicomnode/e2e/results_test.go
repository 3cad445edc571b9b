package e2e

import (
	"bytes"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// oddImage is a radiograph that is unlike most; frames is how many of it are segmented.
type oddImage struct {
	name   string
	image  dicomtest.Image
	frames int
}

// oddImages are a fluoroscopy whose first frame is dark, an inverted CR, a size that fills no
// byte, and names in Japanese and Korean character sets.
func oddImages() []oddImage {
	cr := limb(120, 96, uid.ComputedRadiographyImageStorage, "CR")
	inverted := limb(96, 120, uid.ComputedRadiographyImageStorage, "CR")
	inverted.Photometric = "MONOCHROME1"
	run := limb(128, 112, uid.XRayRadiofluoroscopicImageStorage, "RF")
	run.Pixels = slices.Concat(make([]int, len(run.Pixels)), run.Pixels, run.Pixels)
	run.Extra = append(run.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: 3}, dicomtest.Attribute{Tag: 0x00281040, VR: "CS", Value: "LIN"})
	return []oddImage{
		{"rf", run, 2},
		{"mono1", inverted, 1},
		{"odd", limb(123, 97, uid.DigitalXRayImageStorageForPresentation, "DX"), 1},
		{"japanese", named(cr, `\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"), 1},
		{"korean", named(cr, `\ISO 2022 IR 149`, "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"), 1},
	}
}

// limb is a bone in a limb across open beam, bright in bone.
func limb(rows, cols int, class, modality string) dicomtest.Image {
	m := dicomtest.Image{Rows: rows, Columns: cols, Bits: 16, Stored: 12, Photometric: "MONOCHROME2", Extra: []dicomtest.Attribute{
		{Tag: 0x00080016, VR: "UI", Value: class}, {Tag: 0x00080060, VR: "CS", Value: modality}, {Tag: 0x00200062, VR: "CS", Value: "L"},
		{Tag: 0x00080020, VR: "DA", Value: "20260228"}, {Tag: 0x00080030, VR: "TM", Value: "101112"}, {Tag: 0x00080050, VR: "SH", Value: "A1"},
		{Tag: 0x00080090, VR: "PN", Value: "Refer^R"}, {Tag: 0x00100020, VR: "LO", Value: "T-1"}, {Tag: 0x00100030, VR: "DA", Value: "19700101"},
		{Tag: 0x00100040, VR: "CS", Value: "O"}, {Tag: 0x00200010, VR: "SH", Value: "S1"}, {Tag: 0x00200020, VR: "CS", Value: `L\F`},
		{Tag: 0x00181164, VR: "DS", Value: `0.2\0.2`}}}
	for i := range rows * cols {
		v := 100
		if c := i % cols; c > cols/4 && c < 3*cols/4 {
			v = 1500 + c%7
			if c > 2*cols/5 && c < 3*cols/5 {
				v = 3000 + c%5
			}
		}
		m.Pixels = append(m.Pixels, v)
	}
	return m
}

// named gives the patient a name in character sets.
func named(m dicomtest.Image, declared, name string) dicomtest.Image {
	m.Extra = append(slices.Clone(m.Extra), dicomtest.Attribute{Tag: 0x00080005, VR: "CS", Value: declared}, dicomtest.Attribute{Tag: 0x00100010, VR: "PN", Value: name})
	return m
}

// write puts the image into a folder under UIDs of its own.
func (o oddImage) write(t *testing.T, dir string, number int) string {
	t.Helper()
	n := strconv.Itoa(number)
	o.image.Extra = append(slices.Clone(o.image.Extra), dicomtest.Attribute{Tag: 0x00080018, VR: "UI", Value: "1.2.3.4." + n + ".1"},
		dicomtest.Attribute{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4." + n}, dicomtest.Attribute{Tag: 0x0020000E, VR: "UI", Value: "1.2.3.4." + n + ".2"})
	if !slices.ContainsFunc(o.image.Extra, func(a dicomtest.Attribute) bool { return a.Tag == 0x00100010 }) {
		o.image.Extra = append(o.image.Extra, dicomtest.Attribute{Tag: 0x00100010, VR: "PN", Value: "Test^Person"})
	}
	path := filepath.Join(dir, o.name+".dcm")
	if err := os.WriteFile(path, o.image.Encode(uid.ExplicitVRLittleEndian), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every kind of result of images that are unlike most comes to Orthanc and to DCMTK, is given
// back as it was sent, and nobody finds fault with it.
func TestResultsOfOddImages(t *testing.T) {
	t.Parallel()
	received, port := t.TempDir(), nodetest.FreePort(t)
	nodetest.StartProgram(t, received, nodetest.PeerProgram(t, "storescp"), "+B", "-aet", "PACS", "-od", received, strconv.Itoa(port))
	pacs := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	nodetest.Until(t, "storescp", nodetest.Listening(pacs))
	orthancPort := nodetest.FreePort(t)
	orthanc := nodetest.StartOrthanc(t, orthancPort, nodetest.FreePort(t))

	c := nodetest.Embedded(nodetest.Config(t.TempDir(), pacs))
	c.Peers = append(c.Peers, configs.Peer{Name: "orthanc", AETitle: "ORTHANC", Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(orthancPort))})
	c.Routes[0].Outputs, c.Routes[0].Frames = []string{"seg", "sr", "sc", "gsps"}, configs.AllFrames
	c.Routes[0].SendTo = []string{"pacs", "orthanc"}
	n := startNode(t, c)
	sources, dir, want := map[string]string{}, t.TempDir(), 0 // by study
	for i, o := range oddImages() {
		sources["1.2.3.4."+strconv.Itoa(i)] = o.write(t, dir, i)
		want += 4 * o.frames
	}
	nodetest.Storescu(t, n.Addr, "", slices.Sorted(maps.Values(sources))...)
	if s := n.Settle(t); s.Quarantined > 0 {
		t.Fatalf("%d jobs are quarantined", s.Quarantined)
	}
	files, err := filepath.Glob(filepath.Join(received, "*"))
	if err != nil || len(files) != want {
		t.Fatalf("storescp has %d results, want %d (%v)", len(files), want, err)
	}
	stored := map[string][]byte{} // in Orthanc, by SOP Instance UID
	for _, modality := range []string{"SEG", "SR", "OT", "PR"} {
		for _, id := range orthanc.Find(t, modality) {
			stored[orthanc.Tag(t, id, "SOPInstanceUID")] = orthanc.File(t, id)
		}
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h := header(t, b)
		if o, ok := stored[h.SOPInstanceUID]; !ok || !bytes.Equal(dataSet(t, o), dataSet(t, b)) {
			t.Errorf("%s: Orthanc has it: %v, and not as DCMTK has it", filepath.Base(f), ok)
		}
		checkResult(t, f, sources[h.StudyInstanceUID], b)
	}
	if len(stored) != want {
		t.Errorf("Orthanc has %d results, want %d", len(stored), want)
	}
}

func header(t *testing.T, file []byte) part10.Header {
	t.Helper()
	h, err := part10.ReadHeader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func dataSet(t *testing.T, file []byte) []byte { return file[header(t, file).DatasetOffset:] }

// checkResult has DCMTK and dicom3tools judge a result, and compares the frame it refers to
// and the name it carries with its source.
func checkResult(t *testing.T, path, source string, b []byte) {
	t.Helper()
	name := filepath.Base(source) + ": " + filepath.Base(path)
	mustBeQuiet(t, name, "dciodvfy", path)
	mustBeQuiet(t, name, "dcentvfy", source, path)
	if h := header(t, b); h.Modality == "SR" {
		mustBeQuiet(t, name, "dsrdump", "-q", path)
	}
	from, err := decode.ReadFile(t.Context(), source, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := part10.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := decode.Parse(o)
	if err != nil {
		t.Fatal(err)
	}
	s := iod.NewSource(ds)
	if got, want := s.String(tag.PatientName), from.Source().String(tag.PatientName); got != want {
		t.Errorf("%s: name %q, want %q", name, got, want)
	}
	for _, image := range s.Items(tag.SourceImageSequence) {
		frame := image.String(tag.ReferencedFrameNumber)
		if from.Frames > 1 && frame != "2" && frame != "3" || from.Frames == 1 && frame != "" {
			t.Errorf("%s: refers to frame %q of %d", name, frame, from.Frames)
		}
	}
}

// harmless complaints: a private coding scheme, which the report identifies; a table of
// dcentvfy that has Accession Number in the series of a report; and bytes of a name, which are
// others in UTF-8. The names themselves are compared.
var harmless = []string{"<99DICOMNODE>", "Element=<AccessionNumber> IE <Series> versus <Study>", "different value - Element=<PatientName>"}

// mustBeQuiet fails the test on what a judge complains about.
func mustBeQuiet(t *testing.T, name, program string, args ...string) {
	t.Helper()
	out, err := exec.Command(nodetest.PeerProgram(t, program), args...).CombinedOutput()
	complaints := 0
	for line := range strings.Lines(string(out)) {
		if slices.ContainsFunc(harmless, func(h string) bool { return strings.Contains(line, h) }) {
			complaints++
			continue
		}
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") || strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "W:") {
			t.Errorf("%s: %s: %s", name, program, line)
		}
	}
	if err != nil && complaints == 0 {
		t.Errorf("%s: %s: %v", name, program, err)
	}
}
