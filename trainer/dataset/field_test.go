package dataset_test

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
)

// fielded is a folder of one picture of 4×1 pixels, labels 0, 0, 2 and 255, whose exposed
// field is pix of so many columns.
func fielded(t *testing.T, name string, pix []uint8) *dataset.Folder {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir, dataset.FieldColumn)
	if err != nil {
		t.Fatal(err)
	}
	img, label := image.NewGray(image.Rect(0, 0, 4, 1)), image.NewGray(image.Rect(0, 0, 4, 1))
	copy(label.Pix, []uint8{dataset.OpenBeam, dataset.OpenBeam, dataset.Bone, dataset.Ignore})
	if err := w.Add(dataset.Item{ID: "a", Polarity: dataset.AirBright, Extra: []string{name}}, img, label); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "field.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	m := image.NewGray(image.Rect(0, 0, len(pix), 1))
	copy(m.Pix, pix)
	if err := png.Encode(out, m); err != nil {
		t.Fatal(err)
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestLoadField(t *testing.T) {
	f := fielded(t, "field.png", []uint8{0, 255, 255, 255})
	p, err := f.LoadField(f.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{dataset.Unexposed, dataset.Lit, dataset.Attenuated, dataset.Attenuated}; !slices.Equal(p.Label, want) {
		t.Errorf("labels %v, want %v", p.Label, want)
	}
}

func TestLoadFieldRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		pix        []uint8
	}{
		{"", "column", nil},
		{"../field.png", "column", nil},
		{"none.png", "none.png", []uint8{0, 0, 0, 0}},
		{"field.png", "4×1, its field 3×1", []uint8{0, 0, 0}},
		{"field.png", "value 7 at column 2", []uint8{0, 255, 7, 0}},
	} {
		f := fielded(t, c.name, append(c.pix, make([]uint8, max(0, 1-len(c.pix)))...))
		if _, err := f.LoadField(f.Items[0]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want an error about %q", c.name, err, c.want)
		}
	}
}
