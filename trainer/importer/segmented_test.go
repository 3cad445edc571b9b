package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

// canary stands in every attribute that names the patient.
const canary = "CANARY"

// radiograph is a DX image of a patient.
func radiograph(uid, patient string, rows, cols int, extra ...dicomtest.Attribute) dicomtest.Image {
	m := dicomtest.DX(rows, cols, 100)
	for i := range m.Extra {
		if m.Extra[i].Tag == 0x00080018 {
			m.Extra[i].Value = uid
		}
	}
	m.Extra = append(m.Extra, []dicomtest.Attribute{
		{Tag: 0x00080020, VR: "DA", Value: "20260101"}, {Tag: 0x00080050, VR: "SH", Value: canary}, {Tag: 0x00080080, VR: "LO", Value: canary},
		{Tag: 0x00100010, VR: "PN", Value: canary + "^" + patient}, {Tag: 0x00100020, VR: "LO", Value: canary + patient},
		{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4." + patient}, {Tag: 0x0020000E, VR: "UI", Value: "1.2.3.5." + patient},
		{Tag: 0x00181164, VR: "DS", Value: `0.15\0.15`},
	}...)
	m.Extra = append(m.Extra, extra...)
	return m
}

// stripes is a network that sees slanted stripes of the three classes.
type stripes struct{}

func (stripes) Predict(context.Context, []float32) ([]float32, error) {
	out := make([]float32, 3*picture.Side*picture.Side)
	for i := range picture.Side * picture.Side {
		v := float64(i/picture.Side)*0.07 + float64(i%picture.Side)*0.03
		for c := range 3 {
			out[c*picture.Side*picture.Side+i] = float32(1+math.Cos(v+2*math.Pi/3*float64(c))) / 3
		}
	}
	return out, nil
}

func save(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// segmented writes an image, and a segmentation as the node makes it of the image;
// it returns the masks.
func segmented(t testing.TB, dir, name string, m dicomtest.Image) segment.Masks {
	t.Helper()
	b := m.Encode(uid.ExplicitVRLittleEndian)
	save(t, filepath.Join(dir, "images", name), b)
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := segment.Pipeline{Predictor: stripes{}, Model: segment.Model{Name: "Stripes", Version: "1", Digest: strings.Repeat("ab", 32), Device: "CPU"}}
	res, err := p.Run(context.Background(), img)
	if err != nil {
		t.Fatal(err)
	}
	opt := seg.Options{Received: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Manufacturer: "m", ProductName: "p", DeviceSerialNumber: "s", Version: "v"}
	made, err := seg.New(img, res, opt)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	meta := part10.Meta{SOPClassUID: seg.SOPClassUID, SOPInstanceUID: made.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := errors.Join(part10.WriteMeta(&file, meta), made.Encode(&file)); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "segs", name), file.Bytes())
	return res.Masks
}

func importer1(dir string, inputs ...string) importer.Segmented {
	return importer.Segmented{Inputs: inputs, Out: filepath.Join(dir, "out"), Key: importer.Key{1}, Rest: dataset.Ignore}
}

// What the node writes comes back as the identical mask, under pseudonyms.
func TestSegmented(t *testing.T) {
	dir := t.TempDir()
	masks := map[string]segment.Masks{}
	for i, patient := range []string{"1", "2", "1"} {
		rows := 37 + 3*i // no multiples of eight
		masks[fmt.Sprint(rows)] = segmented(t, dir, fmt.Sprintf("%d.dcm", i), radiograph(fmt.Sprintf("1.2.3.%d", i), patient, rows, 45))
	}
	save(t, filepath.Join(dir, "images", "notes.txt"), []byte("not DICOM"))
	in := importer1(dir, filepath.Join(dir, "segs"), filepath.Join(dir, "images"))
	res, err := in.Run(context.Background(), nil)
	if err != nil || res.Images != 3 {
		t.Fatalf("result %+v, error %v", res, err)
	}
	f, err := dataset.Open(in.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patients := map[string]int{}
	for _, it := range f.Items {
		patients[f.Extra(it, dataset.PatientColumn)]++
		if it.BodyPart != "leg" || it.Polarity != dataset.AirBright || it.Source != "DICOM SEG, automatic: Stripes" || f.Extra(it, dataset.SpacingColumn) != "0.15" {
			t.Errorf("row %+v", it)
		}
		p, err := f.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		m := masks[fmt.Sprint(p.Rows)]
		for k, label := range p.Label {
			if m.Open[k] != (label == dataset.OpenBeam) || m.Soft[k] != (label == dataset.SoftTissue) || m.Bone[k] != (label == dataset.Bone) {
				t.Fatalf("%d rows: label %d at %d differs from the masks", p.Rows, label, k)
			}
		}
		if p.Pix[0] <= p.Pix[22] {
			t.Error("open beam is not bright")
		}
	}
	if len(patients) != 2 || patients[""] != 0 {
		t.Errorf("images by patient: %v", patients)
	}
	noCanary(t, in.Out)
	r, err := dataset.Check(context.Background(), in.Out, 0, nil)
	if err != nil || len(r.Problems) > 0 {
		t.Errorf("problems %+v, %v", r.Problems, err)
	}
}

// noCanary looks for the patient in names and bytes.
func noCanary(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for _, secret := range []string{canary, "1.2.3.0", "1.2.3.4.1"} {
			if strings.Contains(path, secret) || bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, error %v", files, err)
	}
}

func replaced(t *testing.T, name, from, to string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil || len(from) != len(to) || !bytes.Contains(b, []byte(from)) {
		t.Fatalf("cannot replace %q in %s: %v", from, name, err)
	}
	save(t, name, bytes.ReplaceAll(b, []byte(from), []byte(to)))
}

func TestSegmentedProblems(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir string, in *importer.Segmented)
		want  string
	}{
		"no image": {func(dir string, _ *importer.Segmented) { os.Remove(filepath.Join(dir, "images", "a.dcm")) }, "its image is not there"},
		"other size": {func(dir string, _ *importer.Segmented) {
			save(t, filepath.Join(dir, "images", "a.dcm"), radiograph("1.2.3", "1", 40, 40).Encode(uid.ExplicitVRLittleEndian))
		}, "has 40 rows and 40 columns, its segmentation 37 and 45"},
		"two segmentations": {func(dir string, _ *importer.Segmented) {
			b, _ := os.ReadFile(filepath.Join(dir, "segs", "a.dcm"))
			save(t, filepath.Join(dir, "segs", "b.dcm"), b)
		}, "its image has the segmentation"},
		"burned in": {func(dir string, _ *importer.Segmented) {
			segmented(t, dir, "a.dcm", radiograph("1.2.3", "1", 37, 45, dicomtest.Attribute{Tag: 0x00280301, VR: "CS", Value: "YES"}))
		}, "names are burned into its pixels"},
		"unknown segment": {func(dir string, _ *importer.Segmented) {
			replaced(t, filepath.Join(dir, "segs", "a.dcm"), "3138006", "9138006")
			replaced(t, filepath.Join(dir, "segs", "a.dcm"), "Bone", "Femu")
		}, `segment 3 "Femu" (9138006, SCT) is of no known class`},
		"cut off": {func(dir string, _ *importer.Segmented) { os.Truncate(filepath.Join(dir, "segs", "a.dcm"), 4000) }, "a.dcm: "},
		"fractional": {func(dir string, _ *importer.Segmented) {
			replaced(t, filepath.Join(dir, "segs", "a.dcm"), "\x06\x00BINARY", "\x06\x00FRACTI")
		}, "want a BINARY segmentation"},
		"transfer syntax": {func(dir string, _ *importer.Segmented) {
			replaced(t, filepath.Join(dir, "segs", "a.dcm"), "1.2.840.10008.1.2.1\x00", "1.2.840.10008.1.2.5\x00")
		}, "want Implicit or Explicit VR Little Endian"},
		"not DICOM": {func(dir string, in *importer.Segmented) {
			save(t, filepath.Join(dir, "x.dcm"), []byte("x"))
			in.Inputs = append(in.Inputs, filepath.Join(dir, "x.dcm"))
		}, "x.dcm: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			segmented(t, dir, "a.dcm", radiograph("1.2.3", "1", 37, 45))
			in := importer1(dir, filepath.Join(dir, "segs"), filepath.Join(dir, "images"))
			c.spoil(dir, &in)
			res, err := in.Run(context.Background(), nil)
			if !errors.Is(err, importer.ErrProblems) || len(res.Problems) == 0 {
				t.Fatalf("error %v, result %+v", err, res)
			}
			if got := res.Problems[0]; !strings.Contains(got.Error(), c.want) || strings.Contains(got.Error(), canary) {
				t.Errorf("problem %q, want %q", got.Error(), c.want)
			}
			if _, err := os.Stat(in.Out); err == nil {
				t.Error("a folder was written")
			}
		})
	}
}

// Classes can be told, and pixels outside of segments be open beam.
func TestSegmentedClasses(t *testing.T) {
	dir := t.TempDir()
	m := segmented(t, dir, "a.dcm", radiograph("1.2.3", "1", 37, 45))
	in := importer1(dir, dir)
	in.Classes, in.Rest = map[string]uint8{"Bone": dataset.Ignore, "1": dataset.Ignore}, dataset.OpenBeam
	if res, err := in.Run(context.Background(), nil); err != nil {
		t.Fatal(err, res)
	}
	f, err := dataset.Open(in.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := f.Load(f.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	for k, label := range p.Label {
		want := uint8(dataset.OpenBeam)
		switch {
		case m.Bone[k] || m.Open[k]:
			want = dataset.Ignore
		case m.Soft[k]:
			want = dataset.SoftTissue
		}
		if label != want {
			t.Fatalf("label %d at %d, want %d", label, k, want)
		}
	}
}

// Other programs store a segmentation again with other lengths and in implicit VR.
func TestSegmentedByDCMTK(t *testing.T) {
	if _, err := exec.LookPath("dcmconv"); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for _, options := range [][]string{{"+te", "-e"}, {"+ti", "+e"}, {"+ti", "-e"}} {
		dir := t.TempDir()
		m := segmented(t, dir, "a.dcm", radiograph("1.2.3", "1", 37, 45))
		file := filepath.Join(dir, "segs", "a.dcm")
		if out, err := exec.Command("dcmconv", append(options, file, file)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v %s", options, err, out)
		}
		in := importer1(dir, dir)
		if res, err := in.Run(context.Background(), nil); err != nil {
			t.Fatalf("%v: %v %+v", options, err, res)
		}
		f, err := dataset.Open(in.Out)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Load(f.Items[0])
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for k, label := range p.Label {
			if m.Open[k] != (label == dataset.OpenBeam) || m.Soft[k] != (label == dataset.SoftTissue) || m.Bone[k] != (label == dataset.Bone) {
				t.Fatalf("%v: label %d at %d differs from the masks", options, label, k)
			}
		}
	}
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	a, err := importer.LoadKey(path)
	if err != nil || a == (importer.Key{}) {
		t.Fatal(a, err)
	}
	if b, err := importer.LoadKey(path); err != nil || a != b {
		t.Errorf("the key changed: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, text := range []string{"", "abc", strings.Repeat("x", 64)} {
		save(t, path, []byte(text))
		if _, err := importer.LoadKey(path); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}

func FuzzSegmented(f *testing.F) {
	dir := f.TempDir()
	segmented(f, dir, "a.dcm", radiograph("1.2.3", "1", 11, 13))
	b, err := os.ReadFile(filepath.Join(dir, "segs", "a.dcm"))
	if err != nil {
		f.Fatal(err)
	}
	image := filepath.Join(dir, "images", "a.dcm")
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		save(t, filepath.Join(dir, "s.dcm"), b)
		in := importer1(dir, filepath.Join(dir, "s.dcm"), image)
		if _, err := in.Run(context.Background(), nil); err != nil {
			return
		}
		d, err := dataset.Open(in.Out)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if _, err := d.Preload(context.Background(), d.Items, 1); err != nil {
			t.Error(err)
		}
	})
}
