package pipeline

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/trainer/dataset"
)

// writeFieldPicture draws a picture with the true field's outline in green and the found
// one's in red into the folder FIELD_SHEET, for the eye.
func writeFieldPicture(t *testing.T, name string, m *dataset.Picture, truth, found []bool) {
	t.Helper()
	low, high := m.Pix[0], m.Pix[0]
	for _, v := range m.Pix {
		low, high = min(low, v), max(high, v)
	}
	f := max(1, float64(max(m.Rows, m.Cols))/400)
	h, w := int(float64(m.Rows)/f), int(float64(m.Cols)/f)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		y, x := i/w, i%w
		at := func(y, x int) int {
			return min(int(float64(y)*f), m.Rows-1)*m.Cols + min(int(float64(x)*f), m.Cols-1)
		}
		here, right, low1 := at(y, x), at(y, x+1), at(y+1, x)
		g := uint8(255 * (m.Pix[here] - low) / max(1e-9, high-low))
		c := color.RGBA{g, g, g, 255}
		if truth[here] != truth[right] || truth[here] != truth[low1] {
			c = color.RGBA{0, 220, 0, 255}
		}
		if found[here] != found[right] || found[here] != found[low1] {
			c = color.RGBA{255, 0, 0, 255}
		}
		out.Set(x, y, c)
	}
	file, err := os.Create(filepath.Join(os.Getenv("FIELD_SHEET"), name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, out); err != nil {
		t.Fatal(err)
	}
}
