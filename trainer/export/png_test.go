package export

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"testing"
)

// The library reads the picture unchanged, also one of a single pixel.
func TestGrey16(t *testing.T) {
	d := rand.New(rand.NewPCG(5, 6))
	for _, size := range []image.Point{{1, 1}, {7, 3}, {640, 480}} {
		m := image.NewGray16(image.Rectangle{Max: size})
		for i := range m.Pix {
			m.Pix[i] = byte(i/5 + d.IntN(9))
		}
		b, err := encodeGrey16(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if g, ok := got.(*image.Gray16); !ok || g.Rect != m.Rect || !bytes.Equal(g.Pix, m.Pix) {
			t.Errorf("%v: another picture", size)
		}
	}
}
