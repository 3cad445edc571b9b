package export_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/export"
	"dicomnode/trainer/importer"
)

func hexOf(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// brush paints a disc with a soft rim, as paint programs do.
func brush(t *testing.T, path string, c color.RGBA) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(m.Bounds())
	cx, cy, r := m.Bounds().Dx()/2, m.Bounds().Dy()/2, 20.0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			under := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
			d := float64((x-cx)*(x-cx) + (y-cy)*(y-cy))
			share := min(1, max(0, (r*r-d)/(2*r)+.5))
			mix := func(a, b uint8) uint8 { return uint8(float64(a)*share + float64(b)*(1-share) + .5) }
			out.SetRGBA(x, y, color.RGBA{mix(c.R, under.R), mix(c.G, under.G), mix(c.B, under.B), 255})
		}
	}
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(w, out); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Labels that are exported in colours, edited with soft rims in a paint program and imported
// again are those that were painted.
func TestPaintedRoundTrip(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	opt := options(source, out)
	opt.Formats, opt.Labels = []export.Format{export.PNG}, export.Colours
	run(t, opt)
	all, err := export.ReadManifest(out)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for id := range all {
		brush(t, filepath.Join(out, "colours", id+".png"), export.Palette[dataset.Bone])
	}
	palette, err := importer.NewPalette(hexOf(export.Palette[0]), hexOf(export.Palette[1]), hexOf(export.Palette[2]), []string{hexOf(export.Palette[3])}, 8)
	if err != nil {
		t.Fatal(err)
	}
	labelled := filepath.Join(t.TempDir(), "labelled")
	res, err := importer.Painted{Images: filepath.Join(out, "images"), Labels: filepath.Join(out, "colours"), Out: labelled, Palette: palette, Source: "painted"}.Run(t.Context(), nil)
	if err != nil || res.Images != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	report, err := dataset.Check(t.Context(), labelled, 1, nil)
	if err != nil || report.Count(dataset.Wrong) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	folder, err := dataset.Open(labelled)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if fmt.Sprint(folder.ExtraColumns) != fmt.Sprint([]string{dataset.PatientColumn, dataset.SpacingColumn}) {
		t.Errorf("further columns %v, want patient and pixel size", folder.ExtraColumns)
	}
	for _, it := range folder.Items {
		if rec := all[it.ID]; it.Polarity != rec.Polarity || it.Extra[0] != rec.Patient || it.BodyPart != strings.ToLower(rec.BodyPart) {
			t.Errorf("%s: %+v, exported as %+v", it.ID, it, rec)
		}
		p, err := folder.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Label[p.Rows/2*p.Cols+p.Cols/2]; got != dataset.Bone {
			t.Errorf("%s: the painted disc is %d, want bone", it.ID, got)
		}
	}
}

// Painted labels are none of a data set or a datalist of MONAI, which would be left out.
func TestColoursAreNoDataset(t *testing.T) {
	for _, format := range []export.Format{export.Dataset, export.MONAI} {
		opt := options(t.TempDir(), filepath.Join(t.TempDir(), "set"))
		opt.Formats, opt.Labels = []export.Format{export.PNG, format}, export.Colours
		if _, err := export.Run(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "draft labels") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
