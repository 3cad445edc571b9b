package field_test

import (
	"context"
	"math"
	"testing"

	"dicomnode/segment/field"
	"dicomnode/segment/picture"
)

// brightest predicts the brightest pixels of the picture as unexposed.
type brightest struct{}

func (brightest) Predict(ctx context.Context, x []float32) ([]float32, error) {
	return unexposed(func(row, col int) float32 {
		if x[row*picture.Side+col] > 0.999*maximum(x) {
			return 0.95
		}
		return 0.02
	}).Predict(ctx, x)
}

func maximum(v []float32) float32 {
	m := v[0]
	for _, f := range v {
		m = max(m, f)
	}
	return m
}

// A beam that is clipped to one grey level stays in the field, whatever the network predicts. A
// border of that level that software drew is removed.
func TestSaturatedBeam(t *testing.T) {
	const rows, cols = 400, 300
	for _, c := range []struct {
		name  string
		depth func(x, y float64) float64 // depth in pixels inside the region that is not of the brightest level
		drawn bool
	}{
		{"leg", func(x, y float64) float64 { return 70 + 15*math.Sin(y/60) - math.Abs(x-150) }, false},
		{"oblique limb", func(x, y float64) float64 { return 40 + 10*math.Sin(y/40) - math.Abs(x-150+(y-200)/3) }, false},
		{"foot", func(x, y float64) float64 {
			return min(50+20*math.Sin(y/50)-math.Abs(x-150), 150+20*math.Cos(x/25)-math.Abs(y-200))
		}, false},
		{"circle", func(x, y float64) float64 { return 120 - math.Hypot(x-150, y-200) }, true},
		{"strip", func(_, y float64) float64 { return y - 60 }, true},
		{"blob with sharp borders", func(x, y float64) float64 { return 1000 * (90 + 20*math.Sin(y/50) - math.Abs(x-150)) }, true},
	} {
		pix := make([]float32, rows*cols)
		bright := 0
		for i := range pix {
			x, y := float64(i%cols), float64(i/cols)
			depth := c.depth(x, y)
			if pix[i] = 1000; depth <= 0 {
				bright++
				continue
			}
			if c.drawn {
				depth = 1000
			}
			pix[i] = float32(1000 - (500+100*math.Sin(x/30))*min(1, depth/30))
		}
		got, rec, err := find(field.Finder{Predict: brightest{}.Predict}, pix, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for i, in := range got {
			if in && pix[i] == 1000 {
				kept++
			}
		}
		if part := float64(kept) / float64(bright); c.drawn && part > 0.1 || !c.drawn && part < 0.99 {
			t.Errorf("%s: %+v, %.2f of the brightest level kept", c.name, rec, part)
		}
	}
}
