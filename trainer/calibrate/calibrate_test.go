package calibrate_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"dicomnode/model"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
)

const pixels = dataset.Side * dataset.Side

// distorted predicts, for labels drawn from a known distribution, probabilities
// that the true scaling would turn into that distribution.
type distorted struct {
	truth  calibrate.Scaling
	logits [pixels][dataset.Classes]float64 // undistorted
}

func (d *distorted) Predict(context.Context, []float32) ([]float32, error) {
	p := make([]float32, dataset.Classes*pixels)
	for i, z := range d.logits {
		var q [dataset.Classes]float64
		sum := 0.0
		for k := range q {
			q[k] = math.Exp((z[k] - d.truth.Shift[k]) / d.truth.Scale)
			sum += q[k]
		}
		for k := range q {
			p[k*pixels+i] = float32(q[k] / sum)
		}
	}
	return p, nil
}

// scene makes a predictor and the samples whose labels follow its distribution.
func scene(truth calibrate.Scaling, random *rand.Rand) (*distorted, *dataset.Sample) {
	d := &distorted{truth: truth}
	s := &dataset.Sample{X: make([]uint16, pixels), Label: make([]uint8, pixels)}
	for i := range d.logits {
		var weight [dataset.Classes]float64
		sum := 0.0
		for k := range weight {
			d.logits[i][k] = 2 * random.NormFloat64()
			weight[k] = math.Exp(d.logits[i][k])
			sum += weight[k]
		}
		draw, k := random.Float64()*sum, 0
		for draw > weight[k] {
			draw -= weight[k]
			k++
		}
		s.Label[i] = uint8(k)
		if random.IntN(10) == 0 {
			s.Label[i] = dataset.Ignore
		}
	}
	return d, s
}

func pictures(t *testing.T, truth calibrate.Scaling, n int) []calibrate.Picture {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 5))
	var all []calibrate.Picture
	for range n {
		d, s := scene(truth, random)
		p, err := calibrate.Predict(t.Context(), []*dataset.Sample{s}, d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p...)
	}
	return all
}

func TestFitFindsTheScaling(t *testing.T) {
	for name, want := range map[string]calibrate.Scaling{
		"nothing to do":  calibrate.Identity,
		"overconfident":  {Scale: 0.4},
		"underconfident": {Scale: 2.5},
		"too much bone":  {Scale: 0.8, Shift: [dataset.Classes]float64{0.3, 0, -1.2}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := calibrate.Fit(pictures(t, want, 2))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Scale-want.Scale) > 0.03*want.Scale {
				t.Errorf("scale %.3f, want %.3f", got.Scale, want.Scale)
			}
			for k := range want.Shift {
				if math.Abs(got.Shift[k]-want.Shift[k]) > 0.04 {
					t.Errorf("shift %d is %.3f, want %.3f", k, got.Shift[k], want.Shift[k])
				}
			}
		})
	}
}

// TestPerfectPredictions: what is already right does not become infinitely sharp.
func TestPerfectPredictions(t *testing.T) {
	s := &dataset.Sample{X: make([]uint16, pixels), Label: make([]uint8, pixels)}
	for i := range s.Label {
		s.Label[i] = uint8(i % dataset.Classes)
	}
	p, err := calibrate.Predict(t.Context(), []*dataset.Sample{s}, certain{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := calibrate.Fit(p)
	if err != nil {
		t.Fatal(err)
	}
	if !(got.Scale >= 1 && got.Scale < 100) {
		t.Errorf("scale %g", got.Scale)
	}
	if c := got.Confusion(p[0]); c[0][1]+c[0][2]+c[1][0]+c[1][2]+c[2][0]+c[2][1] != 0 {
		t.Errorf("confusion %v", c)
	}
}

type certain struct{}

func (certain) Predict(context.Context, []float32) ([]float32, error) {
	p := make([]float32, dataset.Classes*pixels)
	for i := range pixels {
		p[i%dataset.Classes*pixels+i] = 1
	}
	return p, nil
}

// TestContradiction: a network that is wrong everywhere cannot be calibrated.
func TestContradiction(t *testing.T) {
	s := &dataset.Sample{X: make([]uint16, pixels), Label: make([]uint8, pixels)}
	for i := range s.Label {
		s.Label[i] = uint8((i + 1) % dataset.Classes)
	}
	p, err := calibrate.Predict(t.Context(), []*dataset.Sample{s}, certain{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := calibrate.Fit(p); !errors.Is(err, calibrate.ErrContradiction) {
		t.Errorf("got %v, %v; want ErrContradiction", got, err)
	}
}

func TestFitWithoutPixels(t *testing.T) {
	s := &dataset.Sample{X: make([]uint16, pixels), Label: make([]uint8, pixels)}
	for i := range s.Label {
		s.Label[i] = dataset.Ignore
	}
	p, err := calibrate.Predict(t.Context(), []*dataset.Sample{s}, certain{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calibrate.Fit(p); !errors.Is(err, calibrate.ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
}

// TestLeaveOneOut: with two pictures of opposite priors, each is judged by the
// other's.
func TestLeaveOneOut(t *testing.T) {
	a := pictures(t, calibrate.Scaling{Scale: 1, Shift: [dataset.Classes]float64{2, 0, -2}}, 1)[0]
	b := pictures(t, calibrate.Scaling{Scale: 1, Shift: [dataset.Classes]float64{-2, 0, 2}}, 1)[0]
	got, err := calibrate.LeaveOneOut([]calibrate.Picture{a, b})
	if err != nil {
		t.Fatal(err)
	}
	own, err := calibrate.LeaveOneOut([]calibrate.Picture{a, a})
	if err != nil {
		t.Fatal(err)
	}
	if got.Accuracy > own.Accuracy-0.1 {
		t.Errorf("accuracy %.3f with the other's prior, %.3f with its own", got.Accuracy, own.Accuracy)
	}
}

// TestApply: the scaled weights say what the scaling says of the original's
// probabilities.
func TestApply(t *testing.T) {
	w := model.XNet(1).Init(3)
	w.Half = true
	before := append([]float32(nil), w.Arrays[model.OutKernel]...)
	s := calibrate.Scaling{Scale: 0.5, Shift: [dataset.Classes]float64{0.25, 0, -1}}
	scaled, err := s.Apply(w)
	if err != nil {
		t.Fatal(err)
	}
	if !scaled.Half {
		t.Error("kernels in half precision became kernels in single precision")
	}
	for i, v := range before {
		if w.Arrays[model.OutKernel][i] != v || scaled.Arrays[model.OutKernel][i] != v/2 {
			t.Fatalf("kernel %d: %g became %g, the original %g", i, v, scaled.Arrays[model.OutKernel][i], w.Arrays[model.OutKernel][i])
		}
	}
	if got := scaled.Arrays[model.OutBias]; got[0] != 0.25 || got[1] != 0 || got[2] != -1 {
		t.Errorf("bias %v", got)
	}
}
