package augment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/trainer/dataset"
)

// ruled is a picture that tells where each of its pixels is: the value rises along
// one axis, and stripes of eight pixels along it are the three classes in turn.
func ruled(rows, cols int, down bool) *dataset.Picture {
	p := &dataset.Picture{Rows: rows, Cols: cols, Pix: make([]float32, rows*cols), Label: make([]uint8, rows*cols)}
	for i := range p.Pix {
		at, long := i%cols, cols
		if down {
			at, long = i/cols, rows
		}
		p.Pix[i], p.Label[i] = (float32(at)+0.5)/float32(long), uint8(at/8%3)
	}
	return p
}

// Picture and label agree after every warp: what a picture's value says of its
// place is what its label shows, but for the pixels on an edge between stripes.
func TestPictureAndLabelAgree(t *testing.T) {
	v := DefaultVariation
	v.Gamma, v.Noise, v.Clip, v.Elastic = 0, 0, 0, 0.1
	for seed := range uint64(60) {
		rows, cols, down := 90+int(seed), 150, seed%2 == 0
		p, long := ruled(rows, cols, down), cols
		if down {
			long = rows
		}
		w := v.newView(rand.New(rand.NewPCG(1, seed)), rows, cols, 130)
		out := w.render(p)
		scale := math.Sqrt(math.Abs(w.m[0]*w.m[3] - w.m[1]*w.m[2]))
		compared := 0
		for i, label := range out.Label {
			at := float64(out.Pix[i]) * float64(long)
			edge := math.Abs(at/8-math.Round(at/8)) * 8
			if label == dataset.Ignore || edge < 1.5*scale+0.5 || at < 2 || at > float64(long)-2 {
				continue
			}
			compared++
			if want := uint8(int(at) / 8 % 3); label != want {
				t.Fatalf("seed %d: pixel %d shows place %.2f of class %d, its label is %d", seed, i, at, want, label)
			}
		}
		if compared < len(out.Label)/8 {
			t.Errorf("seed %d: only %d of %d pixels could be compared", seed, compared, len(out.Label))
		}
	}
}

// Labels are Ignore outside the source, and nowhere else.
func TestIgnoreOutside(t *testing.T) {
	outside := 0
	for seed := range uint64(40) {
		p := ruled(100, 140, true)
		w := DefaultVariation.newView(rand.New(rand.NewPCG(2, seed)), p.Rows, p.Cols, 140)
		out := w.render(p)
		var at func(float64) (float64, float64)
		for i, label := range out.Label {
			if i%w.cols == 0 {
				at = w.row(float64(i/w.cols) + 0.5)
			}
			y, x := at(float64(i%w.cols) + 0.5)
			depth := min(y, x, float64(p.Rows)-y, float64(p.Cols)-x) // inside the source
			if depth < -1 {
				outside++
			}
			if math.Abs(depth) > 1 && (label == dataset.Ignore) != (depth < 0) {
				t.Fatalf("seed %d: a pixel from %.1f, %.1f has label %d", seed, y, x, label)
			}
		}
	}
	if outside == 0 {
		t.Error("no warp left its source")
	}
}

// Without variation at the source's size nothing changes.
func TestIdentity(t *testing.T) {
	p := ruled(90, 150, true)
	out := Variation{}.apply(rand.New(rand.NewPCG(1, 1)), p, 150)
	if out.Rows != 90 || !slices.Equal(out.Label, p.Label) {
		t.Errorf("%d×%d pixels, or labels moved", out.Rows, out.Cols)
	}
	for i, v := range out.Pix {
		if math.Abs(float64(v-p.Pix[i])) > 1e-6 {
			t.Fatalf("pixel %d: %v, want %v", i, v, p.Pix[i])
		}
	}
}

// Half the size averages four pixels and lets their labels vote.
func TestReduction(t *testing.T) {
	p := &dataset.Picture{Rows: 2, Cols: 4, Pix: []float32{0, 1, .5, .5, 1, 1, .5, .1}, Label: []uint8{2, 1, 255, 255, 1, 0, 255, 2}}
	out := Variation{}.apply(rand.New(rand.NewPCG(1, 1)), p, 2)
	if out.Rows != 1 || out.Cols != 2 || math.Abs(float64(out.Pix[0])-0.75) > 1e-6 || math.Abs(float64(out.Pix[1])-0.4) > 1e-6 {
		t.Errorf("picture %+v", out)
	}
	if out.Label[0] != 1 || out.Label[1] != dataset.Ignore {
		t.Errorf("label %v", out.Label)
	}
}

// No warp folds: the map keeps its orientation everywhere, however strong.
func TestNeverFolds(t *testing.T) {
	v := DefaultVariation
	v.Elastic = 0.5
	for seed := range uint64(60) {
		w := v.newView(rand.New(rand.NewPCG(3, seed)), 120, 160, 120)
		sign := math.Copysign(1, w.m[0]*w.m[3]-w.m[1]*w.m[2])
		for y := 1; y < w.rows-1; y++ {
			const h = 1e-3
			here, below := w.row(float64(y)), w.row(float64(y)+h)
			for x := 1; x < w.cols-1; x++ {
				ay, ax := here(float64(x))
				by, bx := below(float64(x))
				cy, cx := here(float64(x) + h)
				if det := ((by-ay)*(cx-ax) - (bx-ax)*(cy-ay)) * sign; det <= 0 {
					t.Fatalf("seed %d: folded at %d, %d", seed, y, x)
				}
			}
		}
	}
}

// The open beam stays the brightest, and values in range.
func TestIntensity(t *testing.T) {
	v := DefaultVariation
	for seed := range uint64(50) {
		pix := make([]float32, 1000)
		for i := range pix {
			pix[i] = 0.2 + 0.5*float32(i)/1000
		}
		v.intensity(rand.New(rand.NewPCG(4, seed)), pix)
		var dark, bright float32
		for i := range 300 {
			dark += pix[i]
			bright += pix[999-i]
		}
		if dark >= bright || slices.Min(pix) < 0 || slices.Max(pix) > 1 {
			t.Errorf("seed %d: dark end %v, bright end %v, range %v to %v", seed, dark, bright, slices.Min(pix), slices.Max(pix))
		}
	}
	flat := []float32{0.5, 0.5}
	v.intensity(rand.New(rand.NewPCG(4, 1)), flat)
	for _, x := range flat {
		if !(x >= 0 && x <= 1) {
			t.Errorf("a constant picture became %v", flat)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	p := ruled(2048, 2500, true)
	for b.Loop() {
		DefaultVariation.apply(rand.New(rand.NewPCG(1, 1)), p, 400)
	}
}
