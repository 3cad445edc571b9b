package scales_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// fine counts its predictions.
type fine struct {
	dicomtest.Greys
	asked *int
}

func (f fine) Pass(ctx context.Context, x []float32) ([]float32, error) {
	*f.asked++
	return f.Greys.Predict(ctx, x)
}

// striped returns a picture with stripes one network pixel wide, which are blurred in the whole
// picture and not in its parts.
func striped(rows, cols int) scales.Picture {
	pix := make([]float32, rows*cols)
	for i := range pix {
		y, x := i/cols, i%cols
		pix[i] = 1000
		if y > rows/8 && x > cols/8 { // a body
			pix[i] = 500 + 400*float32(math.Sin(float64(x)*math.Pi*200/float64(cols)))
		}
	}
	return scales.Picture{Pix: pix, Rows: rows, Columns: cols}
}

func TestEffortsAskAsOftenAsTheySay(t *testing.T) {
	for e, want := range map[scales.Effort]struct{ passes, parts int }{
		scales.Fast: {4, 3}, scales.Normal: {8, 4}, scales.Best: {13, 9}, scales.Mirrors: {2, 0}, scales.Wide: {6, 4},
	} {
		asked := 0
		a, err := e.Predict(t.Context(), fine{asked: &asked}, striped(800, 600))
		if err != nil {
			t.Fatal(err)
		}
		if asked != want.passes || a.Parts != want.parts {
			t.Errorf("%s: asked %d times about %d parts, want %d and %d", e, asked, a.Parts, want.passes, want.parts)
		}
	}
}

// A trunk is never split into small parts, and costs fast no more than other images.
func TestEffortsOfTrunk(t *testing.T) {
	for e, want := range map[scales.Effort]scales.Effort{
		scales.Fast: scales.Mirrors, scales.Normal: scales.Wide, scales.Best: scales.Wide, scales.Whole: scales.Mirrors, "": scales.Mirrors,
		scales.Wide: scales.Wide, scales.Mirrors: scales.Mirrors,
	} {
		if got := e.OfTrunk(); got != want {
			t.Errorf("of effort %s: %s, want %s", e, got, want)
		}
	}
}

// Parts that are predicted mirrored are mirrored back: left and right of a picture stay where they are.
func TestPartsAreMirroredBack(t *testing.T) {
	p := scales.Picture{Pix: make([]float32, 800*600), Rows: 800, Columns: 600}
	for i := range p.Pix {
		p.Pix[i] = 1000 - float32(i%600)
	}
	asked := 0
	a, err := scales.Wide.Predict(t.Context(), fine{asked: &asked}, p)
	if err != nil || a.Parts != 4 || !a.Fused {
		t.Fatalf("%d parts, included: %v, %v", a.Parts, a.Fused, err)
	}
	if got := a.String(); got != "whole picture and its left-right mirror image, 4 parts" {
		t.Errorf("described as %q", got)
	}
	n := a.Height * a.Width
	for _, x := range []int{a.Width / 20, a.Width / 4, a.Width * 3 / 4, a.Width * 19 / 20} {
		i := a.Height/2*a.Width + x
		if open, bone := a.P[i] > 0.5, a.P[2*n+i] > 0.5; open != (x <= a.Width/4) || bone != (x >= a.Width*3/4) {
			t.Errorf("column %d of %d: open beam %.2f, bone %.2f", x, a.Width, a.P[i], a.P[2*n+i])
		}
	}
}

// The zero value gives the network's own answer, bit-identical.
func TestWholeIsTheNetworksOwnAnswer(t *testing.T) {
	p := striped(613, 487)
	x, geo := picture.Canonical(p.Pix, p.Rows, p.Columns)
	want, err := dicomtest.Greys{}.Predict(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range []scales.Effort{"", scales.Whole} {
		a, err := e.Predict(t.Context(), fine{asked: &asked}, p)
		if err != nil || asked != 0 {
			t.Fatal(err, asked)
		}
		if !slices.Equal(a.P, geo.Map(want).P) || a.ScaleDoubt != nil || a.MirrorDoubt != nil {
			t.Errorf("%q: another answer than the network's", e)
		}
		if got := a.Answer(); !slices.Equal(geo.Map(got).P, a.P) {
			t.Errorf("%q: at the network's pixels it is another answer", e)
		}
	}
}

// Parts show stripes that the whole picture does not show, and both are probabilities.
func TestPartsShowMore(t *testing.T) {
	asked, p := 0, striped(800, 800)
	whole, err := scales.Whole.Predict(t.Context(), fine{asked: &asked}, p)
	if err != nil {
		t.Fatal(err)
	}
	a, err := scales.Best.Predict(t.Context(), fine{asked: &asked}, p)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Fused || a.Height != 2*whole.Height || a.Width != 2*whole.Width {
		t.Fatalf("fused %v, %d×%d cells of %d×%d", a.Fused, a.Height, a.Width, whole.Height, whole.Width)
	}
	if err := picture.CheckProbabilities(a.Answer()); err != nil {
		t.Error(err)
	}
	if v, w := variation(a.Map), variation(whole.Map); v < 1.2*w {
		t.Errorf("variation %v with parts, %v without", v, w)
	}
	if slices.Max(a.ScaleDoubt) < 0.2 || slices.Max(a.MirrorDoubt) > 1e-4 {
		t.Errorf("scales contradict each other by %v at most, mirrors by %v", slices.Max(a.ScaleDoubt), slices.Max(a.MirrorDoubt))
	}
}

// variation returns the mean change of the open beam's probability between neighbouring cells
// of the body.
func variation(m picture.Map) float64 {
	var sum float64
	open, n := m.Plane(picture.OpenBeam), 0
	for y := m.Height / 2; y < m.Height; y++ {
		for x := m.Width / 2; x < m.Width-1; x++ {
			sum += math.Abs(float64(open[y*m.Width+x+1] - open[y*m.Width+x]))
			n++
		}
	}
	return sum / float64(n)
}

// unsure is confident only of whole pictures, which are predicted first.
type unsure struct {
	dicomtest.Greys
	asked *int
}

func (u unsure) Pass(ctx context.Context, x []float32) ([]float32, error) {
	p, err := u.Greys.Predict(ctx, x)
	if *u.asked++; *u.asked > 4 {
		for i := range p {
			p[i] = 1. / 3
		}
	}
	return p, err
}

// Parts that are much less confident than the whole picture are not used.
func TestUnsurePartsDoNotCount(t *testing.T) {
	pix := make([]float32, 800*800)
	for i := range pix {
		y, x := i/800, i%800
		pix[i] = 1000
		if y >= 30 && x >= 30 {
			pix[i] = float32(100 + 400*((x/200+y/200)%2))
		}
	}
	a, err := scales.Best.Predict(t.Context(), unsure{asked: new(int)}, scales.Picture{Pix: pix, Rows: 800, Columns: 800})
	if err != nil {
		t.Fatal(err)
	}
	if a.Fused || a.Height != 200 || !strings.Contains(a.String(), "left out") {
		t.Errorf("fused %v: %s", a.Fused, a)
	}
}

// A part that is certainly only open beam is not predicted, nor are parts of a small picture.
func TestWhatIsNotLookedAt(t *testing.T) {
	pix := make([]float32, 800*800)
	for i := range pix {
		if y, x := i/800, i%800; y < 380 && x < 380 {
			pix[i] = -1000 + float32(x+y)
		}
	}
	asked := 0
	a, err := scales.Normal.Predict(t.Context(), sure{&asked}, scales.Picture{Pix: pix, Rows: 800, Columns: 800})
	if err != nil || a.Parts != 1 {
		t.Errorf("%d parts, %v; want the one with something in it", a.Parts, err)
	}
	small := striped(250, 200)
	if a, err = scales.Normal.Predict(t.Context(), sure{&asked}, small); err != nil || a.Parts != 0 {
		t.Errorf("%d parts of a small picture, %v", a.Parts, err)
	}
}

// sure is certain of open beam where the picture is bright.
type sure struct{ asked *int }

func (s sure) Predict(_ context.Context, x []float32) ([]float32, error) {
	*s.asked++
	n := len(x)
	p := make([]float32, 3*n)
	for i, v := range x {
		p[i], p[n+i] = 1, 0
		if v < 0 {
			p[i], p[n+i] = 0.3, 0.7
		}
	}
	return p, nil
}

type failing struct{ dicomtest.Greys }

var errBroken = errors.New("broken")

func (failing) Pass(context.Context, []float32) ([]float32, error) { return nil, errBroken }

func TestAnErrorIsNoAnswer(t *testing.T) {
	for _, e := range scales.Efforts() {
		if _, err := scales.Effort(e).Predict(t.Context(), failing{}, striped(400, 400)); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", e, err)
		}
	}
}

// Pictures of all shapes give probabilities on a grid over the whole picture.
func TestShapes(t *testing.T) {
	asked := 0
	for _, size := range [][2]int{{1, 1}, {301, 1}, {1, 999}, {3, 500}, {401, 399}, {2000, 7}, {613, 487}} {
		for _, e := range scales.Efforts() {
			p := striped(size[0], size[1])
			a, err := scales.Effort(e).Predict(t.Context(), fine{asked: &asked}, p)
			if err != nil {
				t.Fatalf("%v %s: %v", size, e, err)
			}
			if err := picture.CheckProbabilities(a.Answer()); err != nil || a.Rows != size[0] || a.Columns != size[1] {
				t.Errorf("%v %s: %v, %d×%d", size, e, err, a.Rows, a.Columns)
			}
		}
	}
}

func TestKnown(t *testing.T) {
	if scales.Effort("slow").Known() || !scales.Effort("").Known() || scales.Effort("").String() != "whole" {
		t.Error("an effort that nobody knows is known, or none is not whole")
	}
}
