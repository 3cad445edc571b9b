package burned

import (
	"math/rand/v2"
	"testing"
)

// The fast extremes are those that looking at every pixel of each square finds.
func TestExtreme(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ rows, cols, radius int }{{1, 1, 2}, {7, 40, 2}, {33, 17, 3}, {20, 16, 12}, {50, 49, 1}} {
		pix := make([]float32, c.rows*c.cols)
		for i := range pix {
			pix[i] = float32(d.IntN(4096)) - 1000
		}
		for _, largest := range []bool{false, true} {
			got := extreme(pix, c.rows, c.cols, c.radius, largest)
			for i, v := range got {
				if want := slowly(pix, c.rows, c.cols, i/c.cols, i%c.cols, c.radius, largest); v != want {
					t.Fatalf("%+v, largest %v, pixel %d: %v, want %v", c, largest, i, v, want)
				}
			}
		}
	}
}

func slowly(pix []float32, rows, cols, y, x, radius int, largest bool) float32 {
	best := pix[y*cols+x]
	for v := max(0, y-radius); v <= min(rows-1, y+radius); v++ {
		for u := max(0, x-radius); u <= min(cols-1, x+radius); u++ {
			if p := pix[v*cols+u]; largest && p > best || !largest && p < best {
				best = p
			}
		}
	}
	return best
}
