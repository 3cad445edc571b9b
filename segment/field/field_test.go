package field_test

import (
	"context"
	"encoding/csv"
	"image"
	_ "image/png"
	"os"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/decode"
	"dicomnode/segment/field"
	"dicomnode/segment/picture"
)

// find finds the field of a picture without a header.
func find(f field.Finder, pix []float32, rows, cols int) (picture.Mask, field.Record, error) {
	x, geo := picture.Canonical(pix, rows, cols)
	return f.Find(context.Background(), &decode.Image{Rows: rows, Columns: cols}, pix, x, geo)
}

// straight finds a field with geometry only.
func straight(pix []float32, rows, cols int) (picture.Mask, field.Record) {
	mask, record, _ := find(field.Finder{}, pix, rows, cols) // only a network can fail
	return mask, record
}

// readGrey reads the values of a PNG in its own depth.
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
	pix = make([]float32, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			switch m := m.(type) {
			case *image.Gray:
				pix = append(pix, float32(m.GrayAt(x, y).Y)*0x101)
			case *image.Gray16:
				pix = append(pix, float32(m.Gray16At(x, y).Y))
			default:
				t.Fatalf("%s is no grey picture", path)
			}
		}
	}
	return pix, b.Dy(), b.Dx()
}

// fieldScore compares a field with the true one.
type fieldScore struct {
	iou  float64
	lost float64 // share of the true open beam (else of the true field) that is removed
}

func score(found picture.Mask, truth, open []bool) fieldScore {
	var both, either, beam, lost float64
	for i, in := range truth {
		if in && found[i] {
			both++
		}
		if in || found[i] {
			either++
		}
		if open[i] {
			beam++
			if !found[i] {
				lost++
			}
		}
	}
	return fieldScore{both / max(1, either), lost / max(1, beam)}
}

// labelledImage is one of the shared labelled radiographs, open beam bright.
type labelledImage struct {
	id             string
	pix            []float32
	rows, cols     int
	labelled, open []bool
}

func labelledImages(t *testing.T) (out []labelledImage) {
	t.Helper()
	f, err := os.Open(labelledFile(t, "dataset.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		m := labelledImage{id: l[0]}
		m.pix, m.rows, m.cols = readGrey(t, labelledFile(t, l[1]))
		label, _, _ := readGrey(t, labelledFile(t, l[2]))
		for i, c := range label {
			if l[4] == "air_dark" {
				m.pix[i] = 65535 - m.pix[i]
			}
			m.labelled = append(m.labelled, c != 65535)
			m.open = append(m.open, c == 0)
		}
		out = append(out, m)
	}
	return out
}

func TestFieldOnLabelledImages(t *testing.T) {
	if os.Getenv("FIELD_OLD") != "" {
		return
	}
	var sum, n float64
	for _, m := range labelledImages(t) {
		found, rec := straight(m.pix, m.rows, m.cols)
		truth := field.HullOf(m.labelled, m.rows, m.cols)
		raw, hull := score(found, m.labelled, m.labelled), score(found, truth, m.open)
		t.Logf("%-30s %-6s field %.3f hull %.3f labelled %.3f IoU hull %.3f labelled %.3f lost open %.4f labelled %.4f", m.id, rec.Method,
			rec.Fraction, fraction(truth), fraction(m.labelled), hull.iou, raw.iou, hull.lost, raw.lost)
		writeSheet(t, m.id, m.pix, m.rows, m.cols, found, truth, m.labelled)
		if hull.lost > 0.01 || raw.lost > 0.01 {
			t.Errorf("%s: the field loses %.2f %% of the open beam, %.2f %% of what is labelled, want ≤ 1 %%", m.id, 100*hull.lost, 100*raw.lost)
		}
		sum, n = sum+hull.iou, n+1
	}
	t.Logf("mean IoU %.4f", sum/n)
}

func fraction(m []bool) float64 {
	n := 0
	for _, b := range m {
		if b {
			n++
		}
	}
	return float64(n) / float64(len(m))
}

func labelledFile(t *testing.T, p string) string {
	if d := os.Getenv("FIELD_SIM"); d != "" {
		return d + "/" + p
	}
	return dicomtest.Shared(t, "labelled", p)
}

func BenchmarkField(b *testing.B) {
	const rows, cols = 2500, 2048
	pix := make([]float32, rows*cols)
	for i := range pix {
		x, y := i%cols, i/cols
		if pix[i] = float32(3000 + x%7 + y%5); x > 700 && x < 1300 {
			pix[i] = float32(1500 + x%7)
		}
		if x < 200 || y < 300 || x > 1900 {
			pix[i] = float32(100 + x%5 + y%3)
		}
	}
	for b.Loop() {
		if _, rec := straight(pix, rows, cols); rec.Method != "image" {
			b.Fatal(rec)
		}
	}
}
