package radiograph

import (
	"math"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

func TestCollimatedIsIgnored(t *testing.T) {
	shaded := 0
	for i := range 60 {
		s := limbSheet(i)
		label := append([]uint8(nil), s.label...)
		I := raster.New(s.w, s.h).Each(func(float32) float32 { return 1 })
		s.collimate(I)
		if s.shade != nil {
			shaded++
		}
		for k, l := range s.label {
			if want := label[k]; !s.beam[k] {
				if l != dataset.Ignore {
					t.Fatalf("field %d: label %d in the shadow", i, l)
				}
			} else if l != want {
				t.Fatalf("field %d: label %d in the beam, want %d", i, l, want)
			}
			if s.shade == nil && (!s.beam[k] || I.V[k] != 1) {
				t.Fatalf("field %d: a shadow without a collimator", i)
			}
			if s.shade != nil && (s.shade[k] < 0 || s.shade[k] > 1 || s.beam[k] != (s.shade[k] >= .8)) {
				t.Fatalf("field %d: transmission %.2f, beam %v", i, s.shade[k], s.beam[k])
			}
			if s.shade != nil && s.shade[k] < .01 && I.V[k] > .5 {
				t.Fatalf("field %d: %.2f of the beam in full shadow", i, I.V[k])
			}
		}
	}
	if shaded < 24 || shaded > 48 {
		t.Errorf("%d of 60 collimated, want about 36", shaded)
	}
}

func TestFieldShapes(t *testing.T) {
	s := &Sheet{w: 100, h: 100, unit: .5}
	one := func() raster.Plane { return raster.New(100, 100).Each(func(float32) float32 { return 1 }) }
	square := one()
	for k := range 4 {
		b := newBlade(float64(k)*math.Pi/2, .5, .02)
		s.shut(square, b.soft, func(x, y float64) float64 { return x*b.cos + y*b.sin - b.at })
	}
	if got := raster.Share(square, .5); math.Abs(got-.25) > .02 {
		t.Errorf("a square of half the side has %.3f of the area", got)
	}
	circle := one()
	s.shut(circle, .02, func(x, y float64) float64 { return math.Hypot(x, y) - .5 })
	if got := raster.Share(circle, .5); math.Abs(got-math.Pi/16) > .02 {
		t.Errorf("a circle of half the side has %.3f of the area", got)
	}
}

func TestTwinMirrors(t *testing.T) {
	n := 0
	for i := range 400 {
		s := limbOf(i, 64)
		for k := range s.bone.V { // not symmetric by itself
			s.bone.V[k] += float32(k % 7)
		}
		if s.twin(); s.twins == nil {
			continue
		}
		n++
		for k := range s.bone.V {
			x, y := k%s.w, k/s.w
			j := y*s.w + s.w - 1 - x
			if s.twins.sin == 1 {
				j = (s.h-1-y)*s.w + x
			}
			if s.bone.V[k] != s.bone.V[j] || s.skin.V[k] != s.skin.V[j] {
				t.Fatalf("picture %d is not symmetric at %d", i, k)
			}
		}
		s.labelTissue()
		s.collimate(raster.New(s.w, s.h).Each(func(float32) float32 { return 1 }))
		if s.shade != nil && s.label[s.h/2*s.w+s.w/2] != dataset.Ignore {
			t.Errorf("picture %d: no strip between the exposures", i)
		}
	}
	if n == 0 || n > 20 {
		t.Errorf("%d of 400 plates carry two exposures, want about 6", n)
	}
}
