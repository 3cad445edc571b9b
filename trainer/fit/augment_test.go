package fit

import (
	"math"
	"slices"
	"testing"

	"dicomnode/trainer/dataset"
)

// wide is a sample of a 100×200 picture, brighter to the right, soft tissue on
// its left half.
func wide() *dataset.Sample {
	p := &dataset.Picture{Rows: 100, Cols: 200, Pix: make([]float32, 100*200), Label: make([]uint8, 100*200)}
	for i := range p.Pix {
		p.Pix[i] = float32(i % 200)
		if i%200 < 100 {
			p.Label[i] = dataset.SoftTissue
		}
	}
	return dataset.NewSample(dataset.Item{}, p)
}

func TestAugmentationKeepsTheContract(t *testing.T) {
	s := wide()
	for k := range uint64(50) {
		x, label := make([]float32, 200*200), make([]uint8, 200*200)
		DefaultAugmentation.apply(random(1, k), s, x, label)
		var peak float32
		var bright, dark, n [2]float64
		for i, v := range x {
			peak = max(peak, float32(math.Abs(float64(v))))
			switch label[i] {
			case dataset.OpenBeam:
				bright[0] += float64(v)
				n[0]++
			case dataset.SoftTissue:
				dark[0] += float64(v)
				n[1]++
			}
		}
		if math.Abs(float64(peak)-1) > 1e-5 {
			t.Errorf("picture %d: largest magnitude %v", k, peak)
		}
		if n[0] == 0 || n[1] == 0 || bright[0]/n[0] <= dark[0]/n[1] {
			t.Errorf("picture %d: open beam is not brighter than soft tissue", k)
		}
	}
}

func TestNoAugmentation(t *testing.T) {
	s := wide()
	x, label, want := make([]float32, 200*200), make([]uint8, 200*200), make([]float32, 200*200)
	Augmentation{}.apply(random(1, 1), s, x, label)
	s.Picture(want)
	if !slices.Equal(x, want) || !slices.Equal(label, s.Label) {
		t.Error("the zero augmentation changed the sample")
	}
	// A neutral view must read the same pixels at the same places.
	v := Augmentation{}.view(random(1, 1), s.Geo, 200)
	v.sample(s, x, label)
	if !slices.Equal(label, s.Label) {
		t.Error("the neutral view moved the label")
	}
	for i := range x {
		if label[i] != dataset.Ignore && x[i] != float32(s.X[i])/65535 {
			t.Fatalf("the neutral view moved pixel %d", i)
		}
	}
}

// TestElastic bends a sample whose value tells the column and whose label is one
// class left of the middle: both must tell the same place, no place may be farther
// off than the largest displacement, and some must have moved.
func TestElastic(t *testing.T) {
	s := wide()
	low, high := s.X[50*200], s.X[50*200+199]
	moved := 0.0
	for k := range uint64(20) {
		a := Augmentation{Elastic: 6}
		v := a.view(random(2, k), s.Geo, 200)
		x, label := make([]float32, 200*200), make([]uint8, 200*200)
		v.sample(s, x, label)
		for i, class := range label {
			col := (float64(x[i])*65535 - float64(low)) / float64(high-low) * 199
			if class == dataset.Ignore || col < 1 || col > 198 {
				continue
			}
			if right := class == dataset.OpenBeam; right != (col > 99.5) && math.Abs(col-99.5) > 0.6 {
				t.Fatalf("bend %d: pixel %d is of column %.2f, its class is %d", k, i, col, class)
			}
			off := math.Abs(col - float64(i%200))
			if off > 6.1 {
				t.Fatalf("bend %d: pixel %d moved by %.2f", k, i, off)
			}
			moved = max(moved, off)
		}
	}
	if moved < 2 {
		t.Errorf("no pixel moved by more than %.2f", moved)
	}
}

// BenchmarkAugment is the time to vary one picture.
func BenchmarkAugment(b *testing.B) {
	s := wide()
	x, label := make([]float32, 200*200), make([]uint8, 200*200)
	affine := DefaultAugmentation
	affine.Elastic = 0
	for name, a := range map[string]Augmentation{"affine": affine, "elastic": DefaultAugmentation} {
		b.Run(name, func(b *testing.B) {
			for k := uint64(0); b.Loop(); k++ {
				a.apply(random(1, k), s, x, label)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	o := newOrder(5, []int{3, 4}, nil)
	for epoch := range uint64(2) {
		var seen []int
		for k := range uint64(7) {
			seen = append(seen, o.index(epoch*7+k, nil))
		}
		slices.Sort(seen)
		if !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("epoch %d saw %v", epoch, seen)
		}
	}
	shared := newOrder(5, []int{3, 4}, []float64{3, 1})
	first := 0
	for k := range uint64(4000) {
		if shared.index(k, random(1, k)) < 3 {
			first++
		}
	}
	if first < 2850 || first > 3150 {
		t.Errorf("%d of 4000 pictures come from the folder with share 3/4", first)
	}
}

func TestTargets(t *testing.T) {
	out := make([]float32, 3*3)
	sum := targets{weights: [3]float32{1, 1, 0.5}, smoothing: 0.3}.fill(out, []uint8{0, 2, 255})
	want := []float32{0.8, 0.05, 0, 0.1, 0.05, 0, 0.1, 0.4, 0}
	for i := range want {
		if math.Abs(float64(out[i]-want[i])) > 1e-6 {
			t.Fatalf("targets %v, want %v", out, want)
		}
	}
	if sum != 1.5 {
		t.Errorf("sum %v, want 1.5", sum)
	}
}

func TestRate(t *testing.T) {
	o := Options{LearningRate: 1, WarmUp: 10}
	for _, c := range []struct {
		step       int
		done, want float64
	}{{0, 0, 0.1}, {4, 0, 0.5}, {20, 0, 1}, {20, 0.5, 0.505}, {20, 1, 0.01}} {
		if got := o.rate(c.step, c.done); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("rate(%d, %v) = %v, want %v", c.step, c.done, got, c.want)
		}
	}
}

// Pictures of trunk and head are mirrored, and not turned by 90°.
func TestUpright(t *testing.T) {
	turned := map[bool]int{}
	for k := range uint64(100) {
		for _, upright := range []bool{true, false} {
			a := Augmentation{Flip: true, Upright: upright}
			if v := a.view(random(1, k), wide().Geo, 200); v.height > v.width {
				turned[upright]++
			}
		}
	}
	if turned[true] != 0 || turned[false] < 30 {
		t.Errorf("of 100 pictures %d were turned though upright, %d otherwise", turned[true], turned[false])
	}
}
