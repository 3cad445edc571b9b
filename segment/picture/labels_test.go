package picture_test

import (
	"slices"
	"testing"

	"dicomnode/segment/picture"
)

func TestRemoveIslands(t *testing.T) {
	label := []uint8{
		0, 0, 0, 0, 255,
		0, 1, 2, 0, 255,
		0, 1, 0, 0, 2,
		0, 0, 0, 0, 2,
	}
	want := []uint8{
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 0,
		0, 0, 0, 0, 0,
	}
	if n, lines := picture.RemoveIslands(label, 4, 5, 3); n != 5 || !slices.Equal(lines, []int{1, 2, 3}) || !slices.Equal(label, want) {
		t.Errorf("changed %d: %v", n, label)
	}
	if n, lines := picture.RemoveIslands([]uint8{1, 1, 1}, 1, 3, 100); n != 0 || lines != nil {
		t.Errorf("a region without neighbours changed %d pixels", n)
	}
}

// Labels are the most probable of the interpolated probabilities, whether a class is certain in
// a stretch of cells or all have to be compared.
func TestLabelsAreTheLikeliest(t *testing.T) {
	smooth := plain(func(y, x int) (float32, float32) {
		open := float32(min(max(float64(x+y/3)/40-2, 0), 1))
		return open, (1 - open) * float32(min(max(float64(y)/30-3, 0), 1))
	})
	for _, size := range [][2]int{{613, 487}, {150, 200}, {1, 1}, {1, 700}, {500, 3}, {2, 2}} {
		rows, cols := size[0], size[1]
		geo := picture.NewGeometry(rows, cols)
		for name, p := range map[string][]float32{"smooth": smooth, "random": random(3)} {
			up := geo.Map(p).Upsampler()
			want := all(up, rows, cols)
			label := up.Labels(nil, func(r int, label []uint8, probability []float32) {
				for x, v := range probability {
					if v != want[label[x]][r*cols+x] {
						t.Errorf("%s %v: probability %v of class %d at %d, %d", name, size, v, label[x], r, x)
					}
				}
			})
			for i, got := range label {
				best := uint8(0)
				for c := uint8(1); c < picture.Classes; c++ {
					if want[c][i] > want[best][i] {
						best = c
					}
				}
				if got != best {
					t.Fatalf("%s %v: class %d at pixel %d, want %d", name, size, got, i, best)
				}
			}
		}
	}
}
