package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
	"dicomnode/segment/segmenttest"
)

// writeNames has pydicom encode a name in every character set, in a copy of a
// radiograph each.
const writeNames = `
import sys, json, warnings, pydicom
warnings.simplefilter("ignore")
source, folder = sys.argv[1:3]
def latin9(name, declared):
    part = b"\x1b-b" if "2022" in declared else b""
    return b"^".join(part + p.encode("iso8859_15") for p in name.split("^"))
names = json.load(sys.stdin)
for i, (declared, name) in enumerate(names):
    ds = pydicom.dcmread(source)
    ds.SpecificCharacterSet = declared.split("\\") if "\\" in declared else declared
    by_hand = "203" in declared # which pydicom does not know
    ds.PatientName = "#" * len(latin9(name, declared)) if by_hand else name
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.%d" % (i + 1)
    path = "%s/%d.dcm" % (folder, i)
    ds.save_as(path)
    if by_hand:
        b = open(path, "rb").read()
        name = latin9(name, declared)
        open(path, "wb").write(b.replace(b"#" * len(name), name))
`

// readNames prints what pydicom and highdicom read of segmentations.
const readNames = `
import sys, json, warnings, pydicom, highdicom as hd
warnings.simplefilter("error")
print(json.dumps([[str(pydicom.dcmread(f).PatientName), str(hd.seg.segread(f).PatientName)] for f in sys.argv[1:]]))
`

// names are one for every defined term of Specific Character Set (PS3.3 C.12.1.1.2).
var names = [][2]string{
	{"ISO_IR 6", "Smith^John"}, {"ISO_IR 100", "Müller^Jörg"}, {"ISO_IR 101", "Wałęsa^Lech"}, {"ISO_IR 109", "Ħaġar^Ċ"},
	{"ISO_IR 110", "Šķēle^Ā"}, {"ISO_IR 144", "Люкceмбypг"}, {"ISO_IR 127", "قباني^لنزار"}, {"ISO_IR 126", "Διονυσιος"},
	{"ISO_IR 138", "שרון^דבורה"}, {"ISO_IR 148", "Çavuşoğlu"}, {"ISO_IR 166", "สมชาย^ใจดี"}, {"ISO_IR 203", "Œuvre^Ÿ"},
	{"ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"}, {`ISO 2022 IR 6\ISO 2022 IR 100`, "Müller^Jörg"}, {`ISO 2022 IR 100\ISO 2022 IR 144`, "Iwanow^Pjotr=Иванов^Пётр"},
	{`ISO 2022 IR 6\ISO 2022 IR 101`, "Wałęsa^Lech"}, {`ISO 2022 IR 6\ISO 2022 IR 109`, "Ħaġar^Ċ"}, {`ISO 2022 IR 6\ISO 2022 IR 110`, "Šķēle^Ā"},
	{`ISO 2022 IR 6\ISO 2022 IR 126`, "Διονυσιος"}, {`ISO 2022 IR 6\ISO 2022 IR 127`, "قباني^لنزار"}, {`ISO 2022 IR 6\ISO 2022 IR 138`, "שרון^דבורה"},
	{`ISO 2022 IR 6\ISO 2022 IR 148`, "Çavuşoğlu"}, {`ISO 2022 IR 6\ISO 2022 IR 166`, "สมชาย^ใจดี"}, {`ISO 2022 IR 6\ISO 2022 IR 203`, "Œuvre^Ÿ"},
	{`ISO 2022 IR 6\ISO 2022 IR 87`, "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {`ISO 2022 IR 13\ISO 2022 IR 87`, "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"},
	{`ISO 2022 IR 6\ISO 2022 IR 159`, "A^B=丂^丄"}, {`ISO 2022 IR 6\ISO 2022 IR 149`, "Hong^Gildong=洪^吉洞=홍^길동"},
	{`ISO 2022 IR 6\ISO 2022 IR 58`, "Zhang^XiaoDong=张^小东"}, {"ISO_IR 192", "Wang^XiaoDong=王^小東"},
	{"GB18030", "Wang^XiaoDong=王^小东"}, {"GBK", "Wang^XiaoDong=王^小东=乗^乗"},
}

// Names go from pydicom through the decoder into a segmentation, and pydicom,
// highdicom and Orthanc read them there as they were written.
func TestCharactersThroughPeers(t *testing.T) {
	t.Parallel()
	python := nodetest.Python(t)
	orthanc := nodetest.StartOrthanc(t, nodetest.FreePort(t), nodetest.FreePort(t))
	dir := t.TempDir()
	writeNamed(t, python, dir)
	files := make([]string, len(names))
	for i, n := range names {
		source := filepath.Join(dir, strconv.Itoa(i)+".dcm")
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		b = orthanc.File(t, orthanc.Store(t, b))
		img, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			t.Fatalf("%s: %v", n[0], err)
		}
		// pydicom leaves out some escape sequences, so that the bytes must be judged.
		odd := img.Forgiven.Any() && !img.Forgiven.Has(part10.Characters)
		if got := img.Source().String(tag.PatientName); got != n[1] || odd {
			t.Errorf("%s: name %q, want %q; forgiven %q", n[0], got, n[1], img.Forgiven)
		}
		files[i] = filepath.Join(dir, strconv.Itoa(i)+".seg.dcm")
		file := segmentation(t, img)
		if err := os.WriteFile(files[i], file, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := orthanc.Tag(t, orthanc.Store(t, file), "PatientName"); got != n[1] {
			t.Errorf("%s: Orthanc has %q, want %q", n[0], got, n[1])
		}
	}
	compareNames(t, python, files)
}

// writeNamed has pydicom write the sources.
func writeNamed(t *testing.T, python, dir string) {
	t.Helper()
	plain := filepath.Join(dir, "plain.dcm")
	m := dicomtest.DX(8, 10, 100)
	m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4.2"}, dicomtest.Attribute{Tag: 0x0020000E, VR: "UI", Value: "1.2.3.4.3"})
	if err := os.WriteFile(plain, m.Encode(uid.ExplicitVRLittleEndian), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", writeNames, plain, dir)
	cmd.Stdin = bytes.NewReader(list)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pydicom: %v\n%s", err, out)
	}
}

// segmentation is a file with regions for an image of 8×10 pixels.
func segmentation(t *testing.T, img *decode.Image) []byte {
	t.Helper()
	img.Received = segmenttest.Created
	_, res := segmenttest.Radiograph(t, 8, 10)
	s, err := seg.New(img, res, pipeline.SEGOptions(nodetest.Config(t.TempDir(), "127.0.0.1:1"), "1"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	meta := part10.Meta{SOPClassUID: seg.SOPClassUID, SOPInstanceUID: s.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := part10.WriteMeta(&b, meta); err != nil {
		t.Fatal(err)
	}
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// compareNames has two readers read the segmentations.
func compareNames(t *testing.T, python string, files []string) {
	t.Helper()
	out, err := exec.Command(python, append([]string{"-c", readNames}, files...)...).Output()
	var read [][2]string
	if err != nil || json.Unmarshal(out, &read) != nil || len(read) != len(names) {
		t.Fatalf("pydicom and highdicom read %d of %d: %v\n%s", len(read), len(names), err, out)
	}
	for i, r := range read {
		if want := names[i][1]; r[0] != want || r[1] != want {
			t.Errorf("%s: pydicom has %q, highdicom %q; want %q", names[i][0], r[0], r[1], want)
		}
	}
}
