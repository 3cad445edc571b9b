package raster_test

import (
	"math/rand/v2"
	"testing"

	"dicomnode/internal/raster"
)

// TestBits compares borders and bytes of random masks with their definitions.
func TestBits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, cols, width := 1+random.IntN(12), 1+random.IntN(200), 1+random.IntN(4)
		holes := 1 + random.IntN(60)
		mask := make([]bool, rows*cols)
		for i := range mask {
			mask[i] = random.IntN(holes) > 0
		}
		b := raster.Pack(rows, cols, func(r int) []bool { return mask[r*cols:][:cols] })
		sameBits(t, b, mask)
		border := make([]bool, len(mask))
		for i := range mask {
			border[i] = mask[i] && besideGap(mask, rows, cols, i/cols, i%cols, width)
		}
		sameBits(t, b.Border(width), border)
	}
}

func besideGap(mask []bool, rows, cols, r, c, width int) bool {
	for k := -width; k <= width; k++ {
		if y := r + k; y >= 0 && y < rows && !mask[y*cols+c] {
			return true
		}
		if x := c + k; x >= 0 && x < cols && !mask[r*cols+x] {
			return true
		}
	}
	return false
}

func sameBits(t *testing.T, b raster.Bits, mask []bool) {
	t.Helper()
	packed := b.Bytes()
	if len(packed) != (len(mask)+7)/8 {
		t.Fatalf("%d bytes of %d bits", len(packed), len(mask))
	}
	for i, want := range mask {
		if got := packed[i/8]>>(i%8)&1 == 1; got != want {
			t.Fatalf("%d×%d: bit %d is %v, want %v", b.Rows, b.Columns, i, got, want)
		}
	}
	for r := range b.Rows {
		next := 0
		b.Each(r, func(c int) {
			for ; next < c; next++ {
				if mask[r*b.Columns+next] {
					t.Fatalf("row %d: column %d is left out", r, next)
				}
			}
			if next++; !mask[r*b.Columns+c] {
				t.Fatalf("row %d: column %d is not set", r, c)
			}
		})
	}
}
