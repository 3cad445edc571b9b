package radiograph

import (
	"math"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/xray"
)

// halfSlab returns a sheet without noise or body, 300 mm wide: its left half is behind mm of
// muscle.
func halfSlab(i, size int, mm float32) *Sheet {
	d := random.New(uint64(i), 7, 0)
	s := &Sheet{d: d, w: size, h: size, unit: float64(size) / 200, span: 300, dist: 1000, label: make([]uint8, size*size), body: make([]bool, size*size)}
	s.skin, s.bone, s.marrow = raster.New(size, size), raster.New(size, size), raster.New(size, size)
	for k := range s.skin.V {
		if k%size < size/2 {
			s.skin.V[k], s.body[k] = mm, true
		}
	}
	s.attenuate()
	return s
}

// Scatter increases the signal behind a body by about the published ratio, in the middle more
// than at the border, and spreads to the open beam beside it; a grid removes most of it.
func TestScatter(t *testing.T) {
	ratio := func(g bucky) (inside, beside float64) {
		s := halfSlab(1, 100, 200)
		I := raster.New(s.w, s.h).Each(func(float32) float32 { return .02 })
		s.d = random.New(1, 8, 0)
		s.scatter(I, g)
		return float64(I.V[50*100+10]/.02 - 1), float64(I.V[50*100+55]/.02 - 1)
	}
	in, out := ratio(bucky{1, 1})
	if in < 2 || in > 5 {
		t.Errorf("20 cm of muscle: %.2f times as much scattered as primary signal, want about 3", in)
	}
	if out <= 0 || out >= in/2 {
		t.Errorf("beside the body %.2f, behind it %.2f", out, in)
	}
	if less, _ := ratio(bucky{.7, .14}); math.Abs(less-in/5) > .01 {
		t.Errorf("behind a grid %.2f, want a fifth of %.2f", less, in)
	}
}

func TestGrids(t *testing.T) {
	used := func(mm float32) (n int) {
		for i := range 100 {
			if halfSlab(i, 16, mm).chooseGrid().scatter < 1 {
				n++
			}
		}
		return n
	}
	if hand, pelvis := used(30), used(200); hand > 0 || pelvis < 80 {
		t.Errorf("%d of 100 hands and %d of 100 pelves with a grid", hand, pelvis)
	}
}

// The variance of the noise in the open beam and behind the body: that of one quantum and a
// little more.
func TestQuanta(t *testing.T) {
	s := halfSlab(1, 64, 100)
	if got := s.quanta(1); got != 1 {
		t.Errorf("variance of the open beam %.3f", got)
	}
	if got := s.quanta(.1) / .1; got < 1.05 || got > 1.6 {
		t.Errorf("behind a body that lets a tenth pass, quanta weigh %.3f times as much", got)
	}
}

// An edge is blurred by a magnified focal spot, more in a picture of a finger than of
// a leg.
func TestSoften(t *testing.T) {
	width := func(span float64) float64 {
		total := 0.0
		for i := range 40 {
			s := halfSlab(i, 128, 60)
			s.span = span
			edge := raster.New(128, 128)
			for k := range edge.V {
				if k%128 >= 64 {
					edge.V[k] = 1
				}
			}
			for x, v := range s.soften(edge).V[64*128 : 65*128] {
				if x < 64 {
					total += float64(v)
				}
			}
		}
		return total / 40
	}
	if finger, leg := width(25), width(900); finger < 1.3*leg || leg <= 0 {
		t.Errorf("edges run over %.2f pixels of a finger and %.2f of a leg", finger, leg)
	}
}

// Pattern, defects and saturation change some images and not the others; no signal leaves its
// range.
func TestDetectorFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault    func(*Sheet, raster.Plane)
		lo, most int
	}{
		"uncorrected": {(*Sheet).uncorrected, 4, 30}, "defects": {(*Sheet).defects, 3, 30}, "saturate": {(*Sheet).saturate, 10, 45},
		"grid lines": {func(s *Sheet, I raster.Plane) { s.gridLines(I, bucky{.7, .1}) }, 5, 40},
	} {
		hit := 0
		for i := range 100 {
			s := halfSlab(i, 64, 50)
			before := raster.New(64, 64)
			for k := range before.V {
				before.V[k] = .2 + .8*float32(k%64)/63
			}
			after := before.Clone()
			c.fault(s, after)
			changed := false
			for k, x := range after.V {
				changed = changed || x != before.V[k]
				if x <= 0 || x > 1.6 || x != x {
					t.Fatalf("%s: %v becomes %v", name, before.V[k], x)
				}
			}
			if changed {
				hit++
			}
		}
		if hit < c.lo || hit > c.most {
			t.Errorf("%s: %d of 100 images, want %d to %d", name, hit, c.lo, c.most)
		}
	}
}

// The contrast of bone matches the radiographs that the simulation was fitted to, where marrow
// attenuated 1.2 to 2.9 times as much as soft tissue and cortex, having lost some of its
// mineral, 2.8 to 5.2 times as much.
func TestTissuesOfSamples(t *testing.T) {
	const behind = 40 // mm of muscle
	lo, hi := [2]float64{9, 9}, [2]float64{}
	for i := range 300 {
		s := halfSlab(i, 16, 40+float32(i%5)*30)
		m, _ := s.spongiosa()
		at := func(muscle, bone float64) float64 {
			here := [2]float32{float32(muscle), float32(bone)} // a point of the table is exact
			return float64(s.rays.Absorber(here, here).At(here[0], here[1]))
		}
		soft := at(behind, 0)
		for k, in := range [2]xray.Mixture{m, {Muscle: 0, Cortical: 1}} {
			r := (at(behind+in.Muscle, in.Cortical) - soft) / (at(behind+1, 0) - soft)
			lo[k], hi[k] = min(lo[k], r), max(hi[k], r)
		}
	}
	if lo[0] > 1.3 || lo[0] < 1 || hi[0] < 2.6 || hi[0] > 3.4 {
		t.Errorf("marrow %.2f to %.2f times soft tissue", lo[0], hi[0])
	}
	if lo[1] > 3.8 || lo[1] < 2.8 || hi[1] < 4.8 || hi[1] > 5.9 {
		t.Errorf("cortex %.2f to %.2f times soft tissue", lo[1], hi[1])
	}
}

func TestScatterToPrimary(t *testing.T) {
	for _, c := range [][3]float64{{10, 30, 1.2}, {20, 30, 2.9}, {30, 30, 4.9}} {
		if got := scatterToPrimary(c[0], c[1]); math.Abs(got/c[2]-1) > .1 {
			t.Errorf("behind %g cm, field of %g cm: %.2f, published about %g", c[0], c[1], got, c[2])
		}
	}
}
