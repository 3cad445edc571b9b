package burned_test

import (
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/export/burned"
)

// canvas is a grey picture of one level, half of it anatomy, that a test draws on.
func canvas() burned.Picture {
	p := burned.Picture{Rows: 256, Columns: 256, Samples: make([]float32, 256*256), Label: make([]uint8, 256*256)}
	for i := range p.Samples {
		if p.Samples[i] = 3000; i%256 >= 128 {
			p.Samples[i], p.Label[i] = 1500, dataset.SoftTissue
		}
	}
	p.Samples[0], p.Samples[1] = 0, 4095 // the ends of the range
	return p
}

// stamp draws a line of text with ink at a place.
func stamp(t *testing.T, p burned.Picture, s string, left, top int, ink float32) (pixels []int) {
	t.Helper()
	faces, err := typefaces()
	if err != nil {
		t.Fatal(err)
	}
	for y, line := range written(t, faces[0], s, 12, 0) {
		for x, q := range line {
			if i := (top+y)*p.Columns + left + x; q >= .5 {
				p.Samples[i] = ink
				pixels = append(pixels, i)
			}
		}
	}
	return pixels
}

// level makes a band of columns one grey.
func level(p *burned.Picture, from, to int, grey float32) {
	for y := range p.Rows {
		for x := from; x < to; x++ {
			p.Samples[y*p.Columns+x] = grey
		}
	}
	p.Samples[0], p.Samples[1] = 0, 4095
}

// Text away from anatomy is boxed without doubt; over anatomy or beside it, and without
// labels a person must look.
func TestUnsure(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(p *burned.Picture) (ink []int)
		want bool
	}{
		{"nothing", func(*burned.Picture) []int { return nil }, false},
		{"text away from anatomy", func(p *burned.Picture) []int { return stamp(t, *p, "MEIER", 10, 40, 4095) }, false},
		{"text over anatomy", func(p *burned.Picture) []int { return stamp(t, *p, "MEIER", 150, 40, 4095) }, true},
		{"a single letter beside anatomy", func(p *burned.Picture) []int { stamp(t, *p, "H", 112, 40, 0); return nil }, true},
		{"pale text away from anatomy", func(p *burned.Picture) []int { level(p, 0, 128, 4000); return stamp(t, *p, "MEIERHOF", 10, 40, 4095) }, false},
		{"text that goes on over anatomy", func(p *burned.Picture) []int {
			stamp(t, *p, "H", 123, 40, 0)
			return stamp(t, *p, "MEIER", 62, 40, 4095)
		}, true},
		{"text in a box that is taken for anatomy", func(p *burned.Picture) []int {
			for y := 20; y < 60; y++ {
				for x := 4; x < 60; x++ {
					p.Samples[y*p.Columns+x], p.Label[y*p.Columns+x] = 0, dataset.SoftTissue
				}
			}
			stamp(t, *p, "XF8", 16, 32, 4095)
			return nil
		}, true},
		{"text beside hardly any anatomy", func(p *burned.Picture) []int {
			for i := range p.Label {
				if i%p.Columns < p.Columns-20 {
					p.Label[i] = dataset.OpenBeam
				}
			}
			return stamp(t, *p, "MEIER", 10, 40, 4095)
		}, true},
		{"text over what has a grey of anatomy", func(p *burned.Picture) []int {
			level(p, 0, 128, 1500)
			return stamp(t, *p, "MEIER", 10, 40, 4095)
		}, true},
		{"many strokes away from anatomy", func(p *burned.Picture) []int {
			for k := range 3 {
				stamp(t, *p, "H", 20+40*(k%2), 30+60*k, 0)
			}
			return nil
		}, true},
		{"no labels", func(p *burned.Picture) []int { p.Label = nil; return stamp(t, *p, "MEIER", 10, 40, 4095) }, true},
		{"the tip of a shutter beside anatomy", func(p *burned.Picture) []int {
			for y := range p.Rows {
				for x := range p.Columns {
					if far := max(y-128, 128-y); x < 124 && far < 124-x {
						p.Samples[y*p.Columns+x], p.Label[y*p.Columns+x] = 0, dataset.Ignore
					}
				}
			}
			return nil
		}, false},
	} {
		p := canvas()
		ink := c.make(&p)
		found := burned.Find(p)
		if found.Unsure != c.want {
			t.Errorf("%s: unsure %v, want %v: %+v", c.name, found.Unsure, c.want, found)
		}
		if s := (sheet{rows: p.Rows, cols: p.Columns}); s.covered(text{ink: ink}, found.Writing) < len(ink) {
			t.Errorf("%s: %+v do not contain all of it", c.name, found.Writing)
		}
	}
}
