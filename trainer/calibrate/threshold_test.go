package calibrate_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"dicomnode/internal/threshold"
	"dicomnode/model"
	"dicomnode/segment/picture"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// ramp says soft tissue with probability i/pixels at pixel i, else bone.
type ramp struct{}

func (ramp) Predict(context.Context, []float32) ([]float32, error) {
	p := make([]float32, dataset.Classes*pixels)
	for i := range pixels {
		soft := float32(i) / pixels
		p[pixels+i], p[2*pixels+i] = soft, 1-soft
	}
	return p, nil
}

// ramped is a picture: its body part, its size, and the share of its rows, from the top,
// that are bone throughout; below, every second column of the network is soft tissue.
type ramped struct {
	part  string
	scale int // side in pixels of the network: 1 is 200×200
	bone  float64
}

// folder writes pictures of which ramp's probabilities are known: pixel i of the network
// lies at row i/200.
func folder(t *testing.T, pictures ...ramped) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range pictures {
		side := r.scale * dataset.Side
		picture, label := image.NewGray(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
		for i := range label.Pix {
			y, x := i/side, i%side
			picture.Pix[i] = uint8(x / r.scale)
			class := uint8(dataset.Bone)
			if float64(y) >= r.bone*float64(side) && x/r.scale%2 == 0 {
				class = dataset.SoftTissue
			}
			label.SetGray(x, y, color.Gray{Y: class})
		}
		if err := w.Add(dataset.Item{ID: fmt.Sprint(n), BodyPart: r.part, Polarity: dataset.AirBright}, picture, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func count(t *testing.T, dir string, at calibrate.Place) []calibrate.SoftTissue {
	t.Helper()
	counts, samples, err := calibrate.Count(t.Context(), []string{dir}, evaluate.Options{}, ramp{}, at)
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) != len(samples) {
		t.Fatalf("%d images counted, %d samples", len(counts), len(samples))
	}
	return counts
}

func pooled(rate float64, least int) calibrate.Want {
	return calibrate.Want{FalsePositiveRate: rate, Weigh: model.WeighPixels, LeastImages: least}
}

func TestFindThresholds(t *testing.T) {
	dir := folder(t, ramped{"hand", 1, 0}, ramped{"hand", 1, 0}, ramped{"hand ", 1, 0}, ramped{"Pelvis", 1, 0.5}, ramped{"Pelvis", 1, 0.5}, ramped{"", 1, 0}, ramped{"", 1, 0})
	got, err := calibrate.FindThresholds(count(t, dir, calibrate.Place{}), pooled(0.10, 2))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].BodyPart != "" || got[1].BodyPart != "HAND" || got[2].BodyPart != "PELVIS" {
		t.Fatalf("got %+v, want all, HAND and PELVIS", got)
	}
	// Of a hand's bone, 10 % lies above 0.9; of its soft tissue too. A pelvis has
	// half as much bone again, and soft tissue in the upper half only.
	for i, want := range []calibrate.Operating{
		{Images: 7, Threshold: 0.887, Pixels: calibrate.Rates{FalsePositive: 0.10, TruePositive: 0.128}},
		{Images: 3, Threshold: 0.9, Pixels: calibrate.Rates{FalsePositive: 0.10, TruePositive: 0.10}},
		{Images: 2, Threshold: 0.85, Pixels: calibrate.Rates{FalsePositive: 0.10, TruePositive: 0.30}},
	} {
		o := got[i]
		if o.Images != want.Images || math.Abs(o.Threshold-want.Threshold) > 0.003 || o.Pixels.FalsePositive > 0.10 ||
			math.Abs(o.Pixels.FalsePositive-want.Pixels.FalsePositive) > 0.002 || math.Abs(o.Pixels.TruePositive-want.Pixels.TruePositive) > 0.006 {
			t.Errorf("got %+v, want %+v", o, want)
		}
	}
	chosen := &model.Choice{At: model.AtNetwork}
	card := calibrate.Thresholds(got, chosen)
	if card.Threshold != got[0].Threshold || len(card.ByBodyPart) != 2 || card.ByBodyPart["PELVIS"] != got[2].Threshold || card.Chosen != chosen {
		t.Errorf("card says %+v", card)
	}
}

// Of a ramp's pixels from t on, those are soft tissue that its columns say: half of
// them above the bone, none below. Precision is what is wanted, pooled or as a mean of
// images, and the card and the words say so.
func TestFindThresholdsByPrecision(t *testing.T) {
	// The picture's probability of soft tissue rises to the right or downwards as ramp
	// says; what reaches t is counted here from the counts' own definition.
	dir := folder(t, ramped{"", 1, 0.3}, ramped{"", 2, 0.8})
	counts := count(t, dir, calibrate.Place{Native: true})
	for _, weigh := range model.Weighings() {
		loose, err := calibrate.FindThresholds(counts, calibrate.Want{Precision: 0.01, Weigh: weigh, LeastImages: 1})
		if err != nil || loose[0].Threshold != 0.5 {
			t.Fatalf("got %+v, %v; want the least threshold", loose, err)
		}
		precision := func(o calibrate.Operating) float64 {
			return map[string]float64{model.WeighPixels: o.Pixels.Precision, model.WeighImages: o.PerImage.Precision}[weigh]
		}
		want := precision(loose[0]) + 0.02
		got, err := calibrate.FindThresholds(counts, calibrate.Want{Precision: want, Weigh: weigh, LeastImages: 1})
		if err != nil {
			t.Fatal(err)
		}
		o := got[0]
		if o.Threshold <= 0.5 || o.Threshold >= 0.999 || precision(o) < want || precision(o) > want+0.02 || o.Least > precision(o) {
			t.Errorf("by %s: got %+v, want the precision %v", weigh, o, want)
		}
		table, err := threshold.New(new(o.Threshold-0.001), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := evaluate.Run(t.Context(), dir, ramp{}, evaluate.Options{SoftTissue: table, Resamples: -1})
		if err != nil {
			t.Fatal(err)
		}
		if weigh == model.WeighPixels && float64(r.Native.Operating.Precision) >= want {
			t.Errorf("evaluate finds precision %v at a lower threshold than %v", r.Native.Operating.Precision, o.Threshold)
		}
	}
	if _, err := calibrate.FindThresholds(counts, calibrate.Want{Precision: 0.9, FalsePositiveRate: 0.1, Weigh: model.WeighPixels, LeastImages: 1}); err == nil {
		t.Error("a precision and a false-positive rate were wanted at once")
	}
}

// Pixels of a picture three times as wide count nine times when they are pooled, and the
// same when images are weighed.
func TestFindThresholdsWeighs(t *testing.T) {
	counts := count(t, folder(t, ramped{"", 1, 0}, ramped{"", 3, 0.5}), calibrate.Place{Native: true})
	for weigh, want := range map[string]float64{
		// The small picture's bone reaches t in a share 1−t, the large one's, three
		// quarters of it, in a share (1−t)·2/3: pooled by 20,000 and 270,000 pixels.
		model.WeighPixels: 1 - 0.10*(1+13.5)/(1+13.5*2/3),
		model.WeighImages: 1 - 0.10/(0.5+0.5*2/3),
	} {
		got, err := calibrate.FindThresholds(counts, calibrate.Want{FalsePositiveRate: 0.10, Weigh: weigh, LeastImages: 1})
		if err != nil {
			t.Fatal(err)
		}
		o := got[0]
		if math.Abs(o.Threshold-want) > 0.004 {
			t.Errorf("by %s: threshold %v, want %v", weigh, o.Threshold, want)
		}
		rate := map[string]float64{model.WeighPixels: o.Pixels.FalsePositive, model.WeighImages: o.PerImage.FalsePositive}[weigh]
		if rate > 0.10 || rate < 0.09 || math.Abs(o.Worst-(1-o.Threshold)) > 0.005 {
			t.Errorf("by %s: %+v, want a rate of 10 %% and the small image the worst", weigh, o)
		}
	}
}

// What is counted at native resolution is what trainer evaluate says of them.
func TestCountAsEvaluate(t *testing.T) {
	dir := folder(t, ramped{"a", 1, 0.2}, ramped{"b", 2, 0.7})
	for _, guided := range []*picture.GuidedFilter{nil, picture.NewGuidedFilter()} {
		got, err := calibrate.FindThresholds(count(t, dir, calibrate.Place{Native: true, Guided: guided}), pooled(0.05, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got {
			table, err := threshold.New(&o.Threshold, nil)
			if err != nil {
				t.Fatal(err)
			}
			opt := evaluate.Options{SoftTissue: table, Guided: guided, Resamples: -1}
			if o.BodyPart != "" {
				opt.Exclude = []string{map[string]string{"A": "1", "B": "0"}[o.BodyPart]}
			}
			r, err := evaluate.Run(t.Context(), dir, ramp{}, opt)
			if err != nil {
				t.Fatal(err)
			}
			p := r.Native.Operating
			if math.Abs(float64(p.FPR)-o.Pixels.FalsePositive) > 1e-4 || math.Abs(float64(p.TPR)-o.Pixels.TruePositive) > 1e-4 || math.Abs(float64(p.Precision)-o.Pixels.Precision) > 1e-4 {
				t.Errorf("guided %v: %+v, evaluate says %+v", guided != nil, o, p)
			}
		}
	}
}

func TestFindThresholdsAtTheBounds(t *testing.T) {
	counts := count(t, folder(t, ramped{"", 1, 0}), calibrate.Place{})
	easy, err := calibrate.FindThresholds(counts, pooled(1, 1))
	if err != nil || easy[0].Threshold != 0.5 {
		t.Errorf("got %+v, %v; want the least threshold, ½", easy, err)
	}
	strict, err := calibrate.FindThresholds(counts, pooled(0, 1))
	if err != nil || strict[0].Threshold != 0.999 {
		t.Errorf("got %+v, %v; want the greatest threshold, 0.999", strict, err)
	}
	if _, err := calibrate.FindThresholds(nil, pooled(0.03, 1)); !errors.Is(err, calibrate.ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
	if _, err := calibrate.FindThresholds(counts, pooled(math.NaN(), 1)); err == nil {
		t.Error("a rate that is not a number was accepted")
	}
	if _, err := calibrate.FindThresholds(counts, calibrate.Want{Weigh: "bones", LeastImages: 1}); err == nil {
		t.Error("an unknown weighing was accepted")
	}
}

// Where no threshold reaches what is required, the card says so, with what was found.
func TestChooseNotReached(t *testing.T) {
	dir := folder(t, ramped{"hand", 1, 0}, ramped{"Pelvis", 1, 0.5})
	for _, weigh := range model.Weighings() {
		choose := func(want calibrate.Want) calibrate.Chosen {
			t.Helper()
			want.Weigh, want.LeastImages = weigh, 1
			got, err := calibrate.Choose(t.Context(), []string{dir}, evaluate.Options{}, ramp{}, calibrate.Place{}, "", want)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		got := choose(calibrate.Want{Precision: 0.97}) // half of what a ramp calls soft tissue is
		missed := got.How.NotReached
		if len(missed) != 3 || missed[0].BodyPart != "" || missed[1].BodyPart != "HAND" || missed[2].BodyPart != "PELVIS" ||
			math.Abs(missed[0].Rate-0.5) > 0.02 || got.Thresholds[0].Reached {
			t.Errorf("by %s: not reached: %+v", weigh, missed)
		}
		if words := got.How.String(); !strings.Contains(words, "at least 97 %") || !strings.Contains(words, "not reached: 50 % on all images, 50 % on HAND") {
			t.Errorf("chosen %s", words)
		}
		if got := choose(calibrate.Want{Precision: 0.3}); len(got.How.NotReached) != 0 || !got.Thresholds[0].Reached || strings.Contains(got.How.String(), "not reached") {
			t.Errorf("by %s: chosen %s", weigh, got.How)
		}
	}
}
