package simulate_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate"
	"dicomnode/trainer/simulate/ct/cttest"
)

// load reads anatomies.
func load(t *testing.T, files ...string) *simulate.Anatomy {
	t.Helper()
	a, err := simulate.LoadAnatomy(files...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A run with CTs depends only on seed and index, records body parts and spacing, and has all
// three classes and the area beyond the CT.
func TestRunOnCTs(t *testing.T) {
	a := load(t, cttest.Synthetic(t, "chest.nii.gz")+"=3", cttest.Synthetic(t, "knee_1.nii.gz")+"=1")
	o := simulate.Options{Anatomy: a, Count: 40, Seed: 1, Size: 80}
	dir := run(t, o)
	if o.Workers = 1; digest(t, run(t, o)) != digest(t, dir) {
		t.Error("one and several workers differ")
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parts := map[string]int{}
	var n [256]int
	for _, it := range f.Items {
		parts[it.BodyPart]++
		if mm, err := strconv.ParseFloat(it.Extra[0], 64); err != nil || mm < .5 || mm > 9 {
			t.Errorf("%s: %q mm per pixel", it.ID, it.Extra[0])
		}
		for _, l := range pixels(t, filepath.Join(dir, it.Label)) {
			n[l]++
		}
	}
	if chests := parts["chest"] + parts["thorax"]; parts["knee"] < 4 || chests < 16 || parts["knee"]+chests != 40 {
		t.Errorf("body parts %v, want three chests to a knee", parts)
	}
	for _, l := range []int{0, 1, 2, 255} {
		if n[l] < 2000 {
			t.Errorf("label %d has %d pixels", l, n[l])
		}
	}
}

func TestLoadAnatomyRefuses(t *testing.T) {
	ct := cttest.Synthetic(t, "knee.nii")
	for _, files := range [][]string{{ct + "=0"}, {ct + "=-1"}, {ct + "=x"}, {ct + "=NaN"}, {"missing.nii"}, {"missing.npz"}} {
		if _, err := simulate.LoadAnatomy(files...); err == nil {
			t.Errorf("accepted %q", files)
		}
	}
}

// DX For Presentation has the pixels of the PNG file and declares its polarity.
func TestPresentationShowsThePicture(t *testing.T) {
	dir := run(t, simulate.Options{Count: 12, Seed: 4, Size: 75, Presentation: true})
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for _, it := range f.Items {
		b, err := os.ReadFile(filepath.Join(dir, "dicom", it.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil, dicom.SkipPixelData())
		if err != nil {
			t.Fatal(err)
		}
		text := func(g tag.Tag) string {
			e, err := d.FindElementByTag(g)
			if err != nil {
				t.Fatal(err)
			}
			return dicom.MustGetStrings(e.Value)[0]
		}
		want := map[string][2]string{dataset.AirBright: {"MONOCHROME1", "INVERSE"}, dataset.AirDark: {"MONOCHROME2", "IDENTITY"}}[it.Polarity]
		if got := [2]string{text(tag.PhotometricInterpretation), text(tag.PresentationLUTShape)}; got != want {
			t.Errorf("%s (%s): %v, want %v", it.ID, it.Polarity, got, want)
		}
		if mm := text(tag.ImagerPixelSpacing); !near(mm, it.Extra[0]) {
			t.Errorf("%s: Imager Pixel Spacing %s, spacing_mm %s", it.ID, mm, it.Extra[0])
		}
		if seen[text(tag.SOPInstanceUID)] {
			t.Errorf("%s: SOP Instance UID is not its own", it.ID)
		}
		seen[text(tag.SOPInstanceUID)] = true
		stored, bits := littleEndian(t, filepath.Join(dir, it.Image))
		if !bytes.HasSuffix(b, stored) {
			t.Errorf("%s: Pixel Data are not the picture's pixels", it.ID)
		}
		if e, err := d.FindElementByTag(tag.BitsStored); err != nil || dicom.MustGetInts(e.Value)[0] != bits {
			t.Errorf("%s: Bits Stored are not %d: %v", it.ID, bits, err)
		}
	}
}

func near(a, b string) bool {
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return x > 0 && x/y > .99 && x/y < 1.01
}

// littleEndian returns a PNG file's values, padded to an even length, and their bits.
func littleEndian(t *testing.T, path string) (stored []byte, bits int) {
	t.Helper()
	m := decoded(t, path)
	if g, ok := m.(*image.Gray); ok {
		return append(g.Pix, make([]byte, len(g.Pix)%2)...), 8
	}
	g := m.(*image.Gray16)
	out := make([]byte, len(g.Pix))
	for i := 0; i < len(out); i += 2 {
		binary.LittleEndian.PutUint16(out[i:], binary.BigEndian.Uint16(g.Pix[i:]))
	}
	return out, 16
}
