package segment_test

import (
	"encoding/csv"
	"image"
	"image/color"
	_ "image/png"
	"os"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
)

// readGrey reads a PNG as numbers, in its own depth.
func readGrey(t *testing.T, path string) (pix []float32, rows, cols int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			pix = append(pix, float32(color.Gray16Model.Convert(m.At(x, y)).(color.Gray16).Y))
		}
	}
	return pix, b.Dy(), b.Dx()
}

func TestFieldOnLabelledImages(t *testing.T) {
	f, err := os.Open(dicomtest.Shared(t, "labelled", "dataset.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		pix, rows, cols := readGrey(t, dicomtest.Shared(t, "labelled", l[1]))
		label, _, _ := readGrey(t, dicomtest.Shared(t, "labelled", l[2]))
		if l[4] == "air_dark" {
			for i := range pix {
				pix[i] = 65535 - pix[i]
			}
		}
		field, rec := segment.FieldOf(pix, rows, cols)
		var both, either, labelled, lost int
		for i := range pix {
			in := label[i] != 65535
			switch {
			case in && field[i]:
				both++
			case in:
				lost++
			}
			if in || field[i] {
				either++
			}
			if in {
				labelled++
			}
		}
		loss := float64(lost) / float64(labelled)
		t.Logf("%-30s %-6s field %.3f labelled %.3f IoU %.3f lost %.4f", l[0], rec.Method, rec.Fraction,
			float64(labelled)/float64(len(pix)), float64(both)/float64(either), loss)
		if loss > 0.01 {
			t.Errorf("%s: the field loses %.2f %% of what is labelled, want ≤ 1 %%", l[0], 100*loss)
		}
		if iou := float64(both) / float64(either); l[0] == "RG3_UNC" && iou < 0.9 {
			t.Errorf("RG3_UNC: IoU %.3f, want ≥ 0.9: collimator border or its scatter kept", iou)
		}
	}
}
