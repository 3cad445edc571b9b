package leak

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"testing"
)

// Unfiltered rows are the pixels that the library decodes.
func TestUnfiltered(t *testing.T) {
	d := rand.New(rand.NewPCG(3, 4))
	box := image.Rect(0, 0, 53, 41)
	grey, deep := image.NewGray(box), image.NewGray16(box)
	for _, pix := range [][]byte{grey.Pix, deep.Pix} {
		for i := range pix {
			switch row := i * box.Dy() / len(pix); {
			case row < 10:
				pix[i] = byte(i/7 + d.IntN(3))
			case row < 20:
				pix[i] = pix[i-len(pix)/box.Dy()] // as the row above
			case row < 30:
				pix[i] = byte(d.IntN(256))
			default:
				pix[i] = byte((int(pix[i-2])+int(pix[i-len(pix)/box.Dy()]))/2 + d.IntN(2))
			}
		}
	}
	kinds := map[byte]bool{}
	for _, m := range []image.Image{grey, deep} {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		file := b.Bytes()
		rows := inflate(file[bytes.Index(file, []byte("IDAT"))+4:], 0)
		want, pixel := grey.Pix, 1
		if m == deep {
			want, pixel = deep.Pix, 2
		}
		for y := range box.Dy() {
			kinds[rows[y*(1+box.Dx()*pixel)]] = true
		}
		if got := unfiltered(file[16:29], rows); !bytes.Equal(got, want) {
			t.Errorf("%d bits: other pixels", 8*pixel)
		}
	}
	if len(kinds) < 3 {
		t.Errorf("filters %v, want three kinds or more", kinds)
	}
	if got := unfiltered([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 16, 0, 0, 0, 0}, []byte("short")); len(got) > 0 {
		t.Error("pixels of a row that is not there")
	}
}
