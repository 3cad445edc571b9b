package picture_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"dicomnode/segment/picture"
)

// plain returns a network's answer with given probabilities at each pixel.
func plain(p func(y, x int) (open, soft float32)) []float32 {
	const n = picture.Side * picture.Side
	out := make([]float32, picture.Classes*n)
	for i := range n {
		a, b := p(i/picture.Side, i%picture.Side)
		out[i], out[n+i], out[2*n+i] = a, b, 1-a-b
	}
	return out
}

// random returns a random answer.
func random(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	return plain(func(int, int) (float32, float32) {
		a := r.Float32()
		return a, (1 - a) * r.Float32()
	})
}

// noise returns a picture of noise on a ramp.
func noise(rows, cols int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = float32(i%cols) + 100*r.Float32()
	}
	return pix
}

// all collects all rows.
func all(p *picture.Upsampler, rows, cols int) [picture.Classes][]float32 {
	var out [picture.Classes][]float32
	for c := range out {
		out[c] = make([]float32, rows*cols)
	}
	for r := range rows {
		var dst [picture.Classes][]float32
		for c := range dst {
			dst[c] = out[c][r*cols:][:cols]
		}
		p.Row(r, dst)
	}
	return out
}

// label returns the class of each pixel, refined by guided, which may be nil.
func label(geo picture.Geometry, p, pix []float32, guided *picture.GuidedFilter) []uint8 {
	up := geo.Map(p).Upsampler()
	if guided != nil {
		up = guided.Refine(geo.Map(p), pix, nil)
	}
	label := up.Labels(nil, nil)
	return label
}

// An edge of the image that is more than a network pixel away from that of the network's
// answer, and not aligned with its pixels, becomes the border; bilinear interpolation does not
// move it there.
func TestRefineMovesBordersToEdges(t *testing.T) {
	const rows, cols, edge = 1000, 900, 473
	geo := picture.NewGeometry(rows, cols)
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = 3000
		if i%cols >= edge {
			pix[i] = 1000
		}
	}
	border := geo.Left + edge*geo.Width/cols + 1
	p := plain(func(_, x int) (float32, float32) {
		share := float32(min(max(float64(border-x)/6+0.5, 0.02), 0.98)) // soft as a network's
		return share, 1 - share
	})
	off := func(guided *picture.GuidedFilter) (worst int) {
		for i, class := range label(geo, p, pix, guided) {
			if at := i % cols; class != uint8(at/edge) {
				worst = max(worst, max(at-edge+1, edge-at))
			}
		}
		return worst
	}
	if got := off(nil); got < 5 {
		t.Fatalf("bilinear: border %d pixels off; the case is too easy", got)
	}
	if got := off(picture.NewGuidedFilter()); got > 2 {
		t.Errorf("guided: border %d pixels off, want at the edge, give or take the %.1f pixels of a cell", got, rows/600.0)
	}
}

// In a flat image the filter is the mean over windows, applied twice: a constant stays, and a
// step becomes a ramp of the same height.
func TestRefineOfAFlatImageIsTheMean(t *testing.T) {
	for _, size := range [][2]int{{300, 200}, {200, 200}, {90, 70}, {1, 1}, {1, 500}, {801, 3}} {
		rows, cols := size[0], size[1]
		geo := picture.NewGeometry(rows, cols)
		pix := slices.Repeat([]float32{7}, rows*cols)
		f := picture.GuidedFilter{Radius: 2}
		got := all(f.Refine(geo.Map(plain(func(int, int) (float32, float32) { return 0.5, 0.3 })), pix, nil), rows, cols)
		for c, want := range []float64{0.5, 0.3, 0.2} {
			for i, v := range got[c] {
				if math.Abs(float64(v)-want) > 1e-5 {
					t.Fatalf("%d×%d: class %d at pixel %d: %v, want %v", rows, cols, c, i, v, want)
				}
			}
		}
	}
	geo := picture.NewGeometry(800, 800)
	step := plain(func(_, x int) (float32, float32) { return float32(x / 100), 0 })
	got := all(picture.GuidedFilter{Radius: 2}.Refine(geo.Map(step), make([]float32, 800*800), nil), 800, 800)[0]
	for _, row := range []int{0, 400, 799} {
		for x := 1; x < 800; x++ {
			if got[row*800+x] < got[row*800+x-1]-1e-6 {
				t.Fatalf("row %d: falls at column %d", row, x)
			}
		}
		// Two windows reach 8 pixels each, and the step itself slopes for 4.
		if got[row*800+380] > 1e-5 || got[row*800+420] < 1-1e-5 || math.Abs(float64(got[row*800+399]+got[row*800+400]-1)) > 1e-4 {
			t.Errorf("row %d: %v, %v, %v around the step", row, got[row*800+380], got[row*800+400], got[row*800+420])
		}
	}
}

func TestRefinedProbabilitiesAreOnes(t *testing.T) {
	for _, size := range [][2]int{{500, 333}, {150, 190}, {3, 1000}} {
		rows, cols := size[0], size[1]
		pix := noise(rows, cols, 5)
		pix[0], pix[len(pix)/2] = float32(math.NaN()), float32(math.Inf(1))
		field := make(picture.Mask, rows*cols)
		for i := range field {
			field[i] = i%cols > cols/3 // a third is unexposed
		}
		for name, f := range map[string]picture.GuidedFilter{"default": {}, "wide": {Radius: 300}, "sharp": {Radius: 0.01, Epsilon: 1e-9}} {
			got := all(f.Refine(picture.NewGeometry(rows, cols).Map(random(3)), pix, field), rows, cols)
			for i := range pix {
				var sum float64
				for c := range got {
					v := float64(got[c][i])
					if !(v >= 0 && v <= 1) {
						t.Fatalf("%s, %d×%d: probability %v at pixel %d", name, rows, cols, v, i)
					}
					sum += v
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Fatalf("%s, %d×%d: sum %v at pixel %d", name, rows, cols, sum, i)
				}
			}
		}
	}
}

// Pixels outside the exposed field, however bright, do not affect the result inside.
func TestRefineLooksAtTheFieldAlone(t *testing.T) {
	const rows, cols, first = 400, 400, 120
	geo := picture.NewGeometry(rows, cols)
	field := make(picture.Mask, rows*cols)
	for i := range field {
		field[i] = i%cols >= first
	}
	pix, other := noise(rows, cols, 8), noise(rows, cols, 8)
	for i := range other {
		if !field[i] {
			other[i] = 250 // within the range, so that the guide's scale does not change
		}
	}
	p := random(9)
	for i := range pix { // both have the same percentiles
		if i%cols < 3 {
			pix[i], other[i] = 600*float32(i%2), 600*float32(i%2)
		}
	}
	a := all(picture.GuidedFilter{}.Refine(geo.Map(p), pix, field), rows, cols)
	b := all(picture.GuidedFilter{}.Refine(geo.Map(p), other, field), rows, cols)
	for c := range a {
		for i := range a[c] {
			if field[i] && math.Abs(float64(a[c][i]-b[c][i])) > 1e-6 {
				t.Fatalf("class %d at pixel %d: %v and %v", c, i, a[c][i], b[c][i])
			}
		}
	}
}

func TestRefineDoesNotDependOnWorkers(t *testing.T) {
	const rows, cols = 613, 487
	geo, p, pix := picture.NewGeometry(rows, cols), random(4), noise(rows, cols, 4)
	var first [picture.Classes][]float32
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for k, workers := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(workers)
		got := all(picture.GuidedFilter{}.Refine(geo.Map(p), pix, nil), rows, cols)
		if k == 0 {
			first = got
		}
		for c := range got {
			if !slices.Equal(got[c], first[c]) {
				t.Errorf("class %d differs between 1 and %d workers", c, workers)
			}
		}
	}
}

func BenchmarkRefine(b *testing.B) {
	const rows, cols = 2500, 2048
	geo, p, pix := picture.NewGeometry(rows, cols), random(1), noise(rows, cols, 1)
	for name, guided := range map[string]*picture.GuidedFilter{"none": nil, "guided": picture.NewGuidedFilter()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				label(geo, p, pix, guided)
			}
		})
	}
}
