package radiograph

import (
	"slices"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// framed returns a sheet with a picture of 0…1 in the beam and a border of −10.
func framed(i int) *Sheet {
	s := limbSheet(i)
	s.beam, s.shade, s.pic = make([]bool, len(s.label)), make([]float32, len(s.label)), raster.New(s.w, s.h)
	for k := range s.label {
		if s.beam[k] = k%s.w > s.w/8; s.beam[k] {
			s.pic.V[k], s.shade[k] = 1-.3*float32(s.label[k])-.004*float32(k*k%101), 1
		} else {
			s.pic.V[k], s.label[k] = -10, dataset.Ignore
		}
	}
	return s
}

func TestClipKeepsToTheAnatomy(t *testing.T) {
	clipped := 0
	for i := range 50 {
		s := framed(i)
		before := s.pic.Clone()
		s.clip()
		lo, hi := s.pic.Bounds()
		if lo < -1 {
			continue
		}
		clipped++
		if s.ends[0] != lo || s.ends[1] < hi {
			t.Fatalf("picture %d: range %.2f…%.2f outside the window %v", i, lo, hi, s.ends)
		}
		if lo < -.92 || lo > .01 || hi < .9 || hi > 1 {
			t.Fatalf("picture %d: range %.2f…%.2f, the anatomy has 0…1", i, lo, hi)
		}
		for k, b := range s.beam {
			if b && s.pic.V[k] != before.V[k] {
				t.Fatalf("picture %d: anatomy changed", i)
			}
		}
	}
	if clipped < 38 || clipped == 50 {
		t.Errorf("%d of 50 windows clip the border, want most", clipped)
	}
}

func TestFramePaintsIgnoredPixelsOnly(t *testing.T) {
	var dark, bright, grey int
	for i := range 300 {
		s := framed(i)
		s.clip()
		before, label := s.pic.Clone(), slices.Clone(s.label)
		s.frame()
		lo, hi := s.ends[0], s.ends[1]
		for k, l := range s.label {
			if s.pic.V[k] != before.V[k] && l != dataset.Ignore && s.shade[k] == 1 && abs32(s.pic.V[k]-before.V[k]) > .1*(hi-lo) {
				t.Fatalf("picture %d: a pixel of class %d is painted over", i, l)
			}
			if l != label[k] && l != dataset.Ignore {
				t.Fatalf("picture %d: class %d becomes %d", i, label[k], l)
			}
		}
		switch v := s.pic.V[s.h/2*s.w+s.w/16]; {
		case v < lo+.05*(hi-lo):
			dark++
		case v > hi-.05*(hi-lo):
			bright++
		default:
			grey++
		}
	}
	if dark < 60 || bright < 60 || grey > 120 {
		t.Errorf("%d borders like bone, %d like air, %d between: want both ends often", dark, bright, grey)
	}
}
