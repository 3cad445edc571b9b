package field_test

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// writeSheet writes, to the folder FIELD_SHEET, a picture of the found field (red outline) and
// the truth (green outline; unlabelled pixels blue) for visual inspection.
func writeSheet(t *testing.T, name string, pix []float32, rows, cols int, found, truth, labelled []bool) {
	t.Helper()
	dir := os.Getenv("FIELD_SHEET")
	if dir == "" {
		return
	}
	low, high := pix[0], pix[0]
	for _, v := range pix {
		low, high = min(low, v), max(high, v)
	}
	f := max(1, float64(max(rows, cols))/700)
	h, w := int(float64(rows)/f), int(float64(cols)/f)
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			i := int(float64(y)*f)*cols + int(float64(x)*f)
			right := min(len(pix)-1, int(float64(y)*f)*cols+int(float64(x+1)*f))
			below := min(len(pix)-1, int(float64(y+1)*f)*cols+int(float64(x)*f))
			g := uint8(255 * (pix[i] - low) / max(1e-9, high-low))
			c := color.RGBA{g, g, g, 255}
			if labelled != nil && !labelled[i] {
				c.B = uint8(min(255, int(g)+70))
			}
			if truth[i] != truth[right] || truth[i] != truth[below] {
				c = color.RGBA{0, 220, 0, 255}
			}
			if found[i] != found[right] || found[i] != found[below] {
				c = color.RGBA{255, 0, 0, 255}
			}
			m.Set(x, y, c)
		}
	}
	out, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := png.Encode(out, m); err != nil {
		t.Fatal(err)
	}
}
