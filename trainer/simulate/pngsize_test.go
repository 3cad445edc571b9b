package simulate

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestPNGTellsSizeOfPixels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	for _, mm := range []float64{.1, 1.2345, 0} {
		if err := writePNG(path, image.NewGray(image.Rect(0, 0, 3, 2)), mm); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := image.Decode(f)
		f.Close()
		if err != nil || m.Bounds().Dx() != 3 {
			t.Errorf("%v mm: decoded %v, %v", mm, m, err)
		}
		text, err := spacingOf(path)
		got, _ := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(got-mm) > .001*mm || (text == "") != (mm == 0) {
			t.Errorf("%v mm: read back as %q, %v", mm, text, err)
		}
	}
}
