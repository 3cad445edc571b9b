package segment_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"dicomnode/segment"
)

// plain fills the network's answer with a probability of each class by place.
func plain(p func(y, x int) (open, soft float32)) []float32 {
	const n = segment.Side * segment.Side
	out := make([]float32, segment.Classes*n)
	for i := range n {
		a, b := p(i/segment.Side, i%segment.Side)
		out[i], out[n+i], out[2*n+i] = a, b, 1-a-b
	}
	return out
}

// random is an answer of noise.
func random(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	return plain(func(int, int) (float32, float32) {
		a := r.Float32()
		return a, (1 - a) * r.Float32()
	})
}

// noise is a picture of noise around a ramp.
func noise(rows, cols int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = float32(i%cols) + 100*r.Float32()
	}
	return pix
}

// all gathers the rows.
func all(p *segment.Upsampler, rows, cols int) [segment.Classes][]float32 {
	var out [segment.Classes][]float32
	for c := range out {
		out[c] = make([]float32, rows*cols)
	}
	for r := range rows {
		var dst [segment.Classes][]float32
		for c := range dst {
			dst[c] = out[c][r*cols:][:cols]
		}
		p.Row(r, dst)
	}
	return out
}

// An edge of the image a network pixel and more away from that of the network's answer,
// and in no line with its pixels, becomes the border; bilinear interpolation leaves it.
func TestRefineMovesBordersToEdges(t *testing.T) {
	const rows, cols, edge = 1000, 900, 473
	geo := segment.NewGeometry(rows, cols)
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
	off := func(c segment.Config) (worst int) {
		for i, class := range c.Label(geo, p, pix) {
			if at := i % cols; class != uint8(at/edge) {
				worst = max(worst, max(at-edge+1, edge-at))
			}
		}
		return worst
	}
	if got := off(segment.Config{}); got < 5 {
		t.Fatalf("bilinear: border %d pixels off; the case is too easy", got)
	}
	if got := off(segment.Config{Guided: segment.NewGuidedFilter()}); got > 2 {
		t.Errorf("guided: border %d pixels off, want at the edge, give or take the %.1f pixels of a cell", got, rows/600.0)
	}
}

// Where the image tells nothing the filter is a mean over windows, twice: a constant
// stays, and a step becomes even but stays a step of the same height.
func TestRefineOfAFlatImageIsTheMean(t *testing.T) {
	for _, size := range [][2]int{{300, 200}, {200, 200}, {90, 70}, {1, 1}, {1, 500}, {801, 3}} {
		rows, cols := size[0], size[1]
		geo := segment.NewGeometry(rows, cols)
		pix := slices.Repeat([]float32{7}, rows*cols)
		f := segment.GuidedFilter{Radius: 2}
		got := all(f.Refine(geo, plain(func(int, int) (float32, float32) { return 0.5, 0.3 }), pix, nil), rows, cols)
		for c, want := range []float64{0.5, 0.3, 0.2} {
			for i, v := range got[c] {
				if math.Abs(float64(v)-want) > 1e-5 {
					t.Fatalf("%d×%d: class %d at pixel %d: %v, want %v", rows, cols, c, i, v, want)
				}
			}
		}
	}
	geo := segment.NewGeometry(800, 800)
	step := plain(func(_, x int) (float32, float32) { return float32(x / 100), 0 })
	got := all(segment.GuidedFilter{Radius: 2}.Refine(geo, step, make([]float32, 800*800), nil), 800, 800)[0]
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
		field := make(segment.Mask, rows*cols)
		for i := range field {
			field[i] = i%cols > cols/3 // a third is not exposed
		}
		for name, f := range map[string]segment.GuidedFilter{"default": {}, "wide": {Radius: 300}, "sharp": {Radius: 0.01, Epsilon: 1e-9}} {
			got := all(f.Refine(segment.NewGeometry(rows, cols), random(3), pix, field), rows, cols)
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

// What lies outside the exposed field, however bright, changes nothing inside.
func TestRefineLooksAtTheFieldAlone(t *testing.T) {
	const rows, cols, first = 400, 400, 120
	geo := segment.NewGeometry(rows, cols)
	field := make(segment.Mask, rows*cols)
	for i := range field {
		field[i] = i%cols >= first
	}
	pix, other := noise(rows, cols, 8), noise(rows, cols, 8)
	for i := range other {
		if !field[i] {
			other[i] = 250 // within the range, so that the guide's scale stays
		}
	}
	p := random(9)
	for i := range pix { // both have the same percentiles
		if i%cols < 3 {
			pix[i], other[i] = 600*float32(i%2), 600*float32(i%2)
		}
	}
	a := all(segment.GuidedFilter{}.Refine(geo, p, pix, field), rows, cols)
	b := all(segment.GuidedFilter{}.Refine(geo, p, other, field), rows, cols)
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
	geo, p, pix := segment.NewGeometry(rows, cols), random(4), noise(rows, cols, 4)
	var first [segment.Classes][]float32
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for k, workers := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(workers)
		got := all(segment.GuidedFilter{}.Refine(geo, p, pix, nil), rows, cols)
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

func TestRefineChangesTheDigest(t *testing.T) {
	seen := map[string]string{}
	for name, c := range map[string]segment.Config{
		"none": {}, "guided": {Guided: segment.NewGuidedFilter()},
		"wider": {Guided: &segment.GuidedFilter{Radius: 77}}, "sharper": {Guided: &segment.GuidedFilter{Epsilon: 0.5}},
	} {
		if other := seen[c.Digest()]; other != "" {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[c.Digest()] = name
	}
	written := segment.Config{Guided: &segment.GuidedFilter{}}
	if seen[written.Digest()] != "guided" {
		t.Error("a default written out changes the digest")
	}
}

// The whole chain with the filter gives the same bytes on any number of processors, says
// in the SEG how borders were found, and is another object than that without.
func TestRefinedSEGIsRepeated(t *testing.T) {
	const rows, cols = 321, 457
	img := segImage(t, segSource(rows, cols, nil))
	img.Samples = noise(rows, cols, 6)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	run := func(c segment.Config) *segment.Result {
		p := segment.Pipeline{Predictor: thresholds{}, Model: segment.Model{Name: "XNet-16", Version: "1", Digest: "ab", Device: "CPU"}, Config: c}
		res, err := p.Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		checkPartition(t, res)
		return res
	}
	var first []byte
	for _, workers := range []int{1, 4, 3} {
		runtime.GOMAXPROCS(workers)
		b := writeSEG(t, img, run(segment.Config{Guided: &segment.GuidedFilter{}}), segOptions(""))
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("%d processors: other bytes", workers)
		}
	}
	if !bytes.Contains(first, []byte("borders: guided filter, radius 2 network pixels, epsilon 0.0001")) {
		t.Error("the SEG does not say how its borders were found")
	}
	plain, guided := run(segment.Config{}), run(segment.Config{Guided: segment.NewGuidedFilter()})
	if segment.SEGInstanceUID(img, plain, segOptions("")) == segment.SEGInstanceUID(img, guided, segOptions("")) {
		t.Error("refined and plain segmentation have one SOP Instance UID")
	}
	if slices.Equal(plain.Masks.Soft, guided.Masks.Soft) {
		t.Error("the filter changed no mask")
	}
}

func BenchmarkRefine(b *testing.B) {
	const rows, cols = 2500, 2048
	geo, p, pix := segment.NewGeometry(rows, cols), random(1), noise(rows, cols, 1)
	for name, c := range map[string]segment.Config{"none": {}, "guided": {Guided: segment.NewGuidedFilter()}} {
		c.MinimumIsland = -1
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Label(geo, p, pix)
			}
		})
	}
}
