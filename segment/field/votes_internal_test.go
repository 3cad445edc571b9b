package field

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sums of packed votes are those of single ones, rounded to a part of a vote, and exact for
// votes of 1.
func TestShear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seldom := func() float32 { return float32(r.IntN(40) / 39) }
	kinds := map[string]func() float32{
		"dense":  func() float32 { return 2*r.Float32() - 1 },
		"sparse": func() float32 { return seldom() - seldom() },
		"full":   func() float32 { return 1 },
		"least":  func() float32 { return -1 },
	}
	for name, vote := range kinds {
		for _, size := range [][2]int{{fieldSide, fieldSide}, {fieldSide, 61}, {37, fieldSide}, {1, 1}, {5, 3}} {
			h, w := size[0], size[1]
			step := make([]float32, h*w)
			for i := range step {
				step[i] = vote()
			}
			v := newVotes(step, h, w)
			own := v.lines()
			for _, slope := range []float64{-1, -0.3, 0, 0.01, 0.77, 1} {
				want := make([]float64, w+h+4)
				for y := range h {
					off := h/2 + 1 - int(math.Round(slope*(float64(y)-float64(h)/2)))
					for x := range w {
						want[off+x] += float64(step[y*w+x])
					}
				}
				for i, got := range v.shear(own, slope) {
					if math.Abs(float64(got)-want[i]) > float64(v.error()) || name != "dense" && float64(got) != want[i] {
						t.Fatalf("%s %v, slope %v: line %d has %v, want %v", name, size, slope, i, got, want[i])
					}
					if got := v.line(own, i); math.Abs(float64(got)-want[i]) > 1e-4 {
						t.Fatalf("%s %v, slope %v: line %d has exactly %v, want %v", name, size, slope, i, got, want[i])
					}
				}
			}
		}
	}
}

// A flood that rises reaches at each level what one to that level reaches.
func TestFloods(t *testing.T) {
	const h, w = 40, 31
	r := rand.New(rand.NewPCG(3, 4))
	v := make([]float32, h*w)
	for i := range v {
		v[i] = r.Float32()
	}
	levels := []float32{0.1, 0.4, 0.5, 0.9}
	first := floods(v, h, w, levels)
	for k, level := range levels {
		got := make([]bool, h*w)
		for i := range got {
			got[i] = int(first[i]) <= k
		}
		if want := plainFlood(v, h, w, level); !slices.Equal(got, want) {
			t.Errorf("level %v reaches other pixels", level)
		}
	}
}

// plainFlood marks pixels ≤ level beside the frame's edge or a marked one, until none is added.
func plainFlood(v []float32, h, w int, level float32) []bool {
	out := make([]bool, h*w)
	at := func(y, x int) bool { return y < 0 || x < 0 || y >= h || x >= w || out[y*w+x] }
	for added := true; added; {
		added = false
		for i := range out {
			y, x := i/w, i%w
			if !out[i] && v[i] <= level && (at(y-1, x) || at(y+1, x) || at(y, x-1) || at(y, x+1)) {
				out[i], added = true, true
			}
		}
	}
	return out
}
