package evaluate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"os"
	"slices"
	"testing"

	"dicomnode/internal/threshold"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// fixture is testdata/fixture.json, what scikit-learn and SciPy make of small
// segmentations (testdata/fixture.py).
type fixture struct {
	Spacing   float64
	Threshold float64
	Within    []int // eighths of a per cent of the picture's side
	Images    []fixtureImage
	Pooled    struct {
		fixtureFigures
		ROC [3][2][]float64 // false-positive and true-positive rates
	}
}

type fixtureImage struct {
	Rows, Columns int
	Label         []int
	Thousandths   [3][]int
	Boundary      [3][]float64 // mean, 95th percentile, both in mm, shares within Within; null without both boundaries
	fixtureFigures
}

type fixtureFigures struct {
	Pixels         int64
	Confusion      evaluate.Confusion
	Accuracy       float64
	ClassAccuracy  [3]float64 `json:"class_accuracy"`
	Precision      [3]float64
	Recall         [3]float64
	F1             [3]float64
	WeightedF1     float64 `json:"weighted_f1"`
	WeightedP      float64 `json:"weighted_precision"`
	WeightedA      float64 `json:"weighted_class_accuracy"`
	CrossEntropy   float64 `json:"cross_entropy"`
	AUC            [3]*float64
	WeightedAUC    float64 `json:"weighted_auc"`
	Confidence     [3]float64
	MeanConfidence float64 `json:"mean_confidence"`
	ECE            float64
	ClassECE       [3]float64 `json:"class_ece"`
	Bins           struct {   // Confidence and Accuracy of those with pixels
		Pixels               []int64
		Confidence, Accuracy []float64
	}
	TPR, FPR float64
	Curve    [][4]*float64 // threshold, true-positive rate, false-positive rate, precision
	Strict   float64       // the least threshold with a false-positive rate of 3 %
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	b, err := os.ReadFile("testdata/fixture.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Images) != 4 {
		t.Fatalf("%d images in the fixture, want 4", len(f.Images))
	}
	return f
}

const side = dataset.Side

// corner is where a fixture's image lies in the 200×200 picture; all around is ignored.
const corner = 60

// place calls each with the fixture's pixel i and its place in the picture.
func (f fixtureImage) place(each func(i, at int)) {
	for i := range f.Label {
		each(i, (corner+i/f.Columns)*side+corner+i%f.Columns)
	}
}

// Predict answers with the images' probabilities, one after the other.
func (f *fixture) Predict(context.Context, []float32) ([]float32, error) {
	img := f.Images[0]
	f.Images = f.Images[1:]
	out := make([]float32, 3*side*side)
	for i := range side * side { // where nothing is scored
		out[i] = 1
	}
	img.place(func(i, at int) {
		for k := range img.Thousandths {
			out[k*side*side+at] = float32(float64(img.Thousandths[k][i]) / 1000)
		}
	})
	return out, nil
}

// folder writes the fixture's images as a data set with spacings.
func (f fixture) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir, dataset.SpacingColumn)
	if err != nil {
		t.Fatal(err)
	}
	for n, img := range f.Images {
		picture, label := image.NewGray(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
		for i := range label.Pix {
			label.Pix[i], picture.Pix[i] = dataset.Ignore, uint8(i)
		}
		img.place(func(i, at int) { label.Pix[at] = uint8(img.Label[i]) })
		it := dataset.Item{ID: fmt.Sprintf("image-%d", n), BodyPart: fmt.Sprint("part ", n), Polarity: dataset.AirBright, Extra: []string{fmt.Sprint(f.Spacing)}}
		if err := w.Add(it, picture, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAgainstScikitLearn(t *testing.T) {
	f := readFixture(t)
	predictor := f
	r, err := evaluate.Run(context.Background(), f.folder(t), &predictor, evaluate.Options{SoftTissue: table(t, new(f.Threshold), nil)})
	if err != nil {
		t.Fatal(err)
	}
	// Pictures of 200×200 pixels have the same figures at both resolutions.
	for name, result := range map[string]*evaluate.Result{"network": &r.Result, "native": r.Native} {
		t.Run(name, func(t *testing.T) {
			f.Pooled.compare(t, result.Summary, result.SoftTissue)
			f.Pooled.compareBins(t, result.Calibration.Histogram)
			f.compareROC(t, result.ROC)
			f.compareWithin(t, result.Within)
			near(t, "weighted AUC", float64(result.WeightedAUC), f.Pooled.WeightedAUC)
			near(t, "true-positive rate at the threshold", float64(result.Operating.TPR), f.Pooled.TPR)
			near(t, "false-positive rate at the threshold", float64(result.Operating.FPR), f.Pooled.FPR)
			near(t, "threshold for 3 %", result.Strict.Threshold, f.Pooled.Strict)
			tpr, fpr := 0.0, 0.0
			for i, want := range f.Images {
				want.compare(t, result.BodyParts[i].Summary, result.BodyParts[i].SoftTissue)
				near(t, "threshold for 3 % of a body part", result.BodyParts[i].Strict.Threshold, want.Strict)
				want.compareBoundaries(t, result.Images[i].Boundaries)
				near(t, "accuracy of image", result.Images[i].Accuracy, want.Accuracy)
				near(t, "calibration error of image", result.Images[i].Calibration, want.ECE)
				near(t, "true-positive rate of image", float64(result.Images[i].TPR), want.TPR)
				near(t, "false-positive rate of image", float64(result.Images[i].FPR), want.FPR)
				tpr, fpr = tpr+want.TPR/float64(len(f.Images)), fpr+want.FPR/float64(len(f.Images))
			}
			near(t, "mean true-positive rate of images", float64(result.ImageMeans.TPR), tpr)
			near(t, "mean false-positive rate of images", float64(result.ImageMeans.FPR), fpr)
			f.compareMeanBoundaries(t, result.Classes)
		})
	}
}

func table(t *testing.T, general *float64, parts map[string]float64) threshold.Table {
	t.Helper()
	made, err := threshold.New(general, parts)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// A body part is scored at its own threshold.
func TestThresholdOfBodyPart(t *testing.T) {
	f := readFixture(t)
	predictor := f
	r, err := evaluate.Run(context.Background(), f.folder(t), &predictor, evaluate.Options{SoftTissue: table(t, new(1e-9), map[string]float64{"Part 1": f.Threshold})})
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]evaluate.BodyPart{r.BodyParts, r.Native.BodyParts} {
		near(t, "true-positive rate without a threshold", float64(parts[0].Operating.TPR), f.Images[0].Recall[dataset.SoftTissue])
		near(t, "threshold", parts[1].Operating.Threshold, f.Threshold)
		near(t, "true-positive rate", float64(parts[1].Operating.TPR), f.Images[1].TPR)
		near(t, "false-positive rate", float64(parts[1].Operating.FPR), f.Images[1].FPR)
	}
	if tpr := r.Operating.TPR; tpr <= evaluate.Value(f.Pooled.TPR) || tpr >= evaluate.Value(f.Pooled.Recall[dataset.SoftTissue]) {
		t.Errorf("true-positive rate of both thresholds %v, want one between %v and %v", tpr, f.Pooled.TPR, f.Pooled.Recall[dataset.SoftTissue])
	}
}

// The curve has the threshold in use itself, not the nearest of its coarse steps.
func TestCurveAtThresholdInUse(t *testing.T) {
	f := readFixture(t)
	predictor := f
	r, err := evaluate.Run(context.Background(), f.folder(t), &predictor, evaluate.Options{SoftTissue: table(t, new(0.543), nil)})
	if err != nil {
		t.Fatal(err)
	}
	for _, curve := range [][]evaluate.OperatingPoint{r.SoftTissue, r.BodyParts[0].SoftTissue} {
		at := slices.IndexFunc(curve, func(p evaluate.OperatingPoint) bool { return p.Threshold == 0.543 })
		if at < 0 || at+1 == len(curve) {
			t.Fatalf("no threshold 0.543 among %d", len(curve))
		}
		if next := curve[at+1]; next.Threshold != 0.55 || next.TPR >= curve[at].TPR {
			t.Errorf("after %v comes %v, want threshold 0.55 with fewer true positives", curve[at], next)
		}
	}
	at := slices.IndexFunc(r.SoftTissue, func(p evaluate.OperatingPoint) bool { return p.Threshold == 0.543 })
	if got, want := r.SoftTissue[at], r.Operating; got != want {
		t.Errorf("the curve has %v, in use is %v", got, want)
	}
}

func (f fixtureFigures) compare(t *testing.T, s evaluate.Summary, curve []evaluate.OperatingPoint) {
	t.Helper()
	if s.Pixels != f.Pixels || s.Confusion != f.Confusion {
		t.Errorf("confusion %v of %d pixels, want %v of %d", s.Confusion, s.Pixels, f.Confusion, f.Pixels)
	}
	near(t, "accuracy", s.Accuracy, f.Accuracy)
	near(t, "weighted F1", s.WeightedF1, f.WeightedF1)
	near(t, "weighted precision", s.WeightedPrecision, f.WeightedP)
	near(t, "weighted class accuracy", s.WeightedClassAccuracy, f.WeightedA)
	near(t, "cross-entropy", float64(s.CrossEntropy), f.CrossEntropy)
	if d := math.Abs(float64(s.WeightedAUC) - f.WeightedAUC); d > 2e-5 {
		t.Errorf("weighted AUC = %v, want %v", float64(s.WeightedAUC), f.WeightedAUC)
	}
	near(t, "mean confidence", s.Calibration.MeanConfidence, f.MeanConfidence)
	near(t, "expected calibration error", s.Calibration.Error, f.ECE)
	for k, c := range s.Classes {
		near(t, c.Name+" accuracy", c.Accuracy, f.ClassAccuracy[k])
		near(t, c.Name+" precision", c.Precision, f.Precision[k])
		near(t, c.Name+" recall", c.Recall, f.Recall[k])
		near(t, c.Name+" F1", c.F1, f.F1[k])
		near(t, c.Name+" confidence", float64(c.Confidence), f.Confidence[k])
		near(t, c.Name+" gap", float64(c.Gap), f.Confidence[k]-f.Precision[k])
		near(t, c.Name+" calibration error", float64(c.ECE), f.ClassECE[k])
		if f.AUC[k] == nil {
			if c.AUC.Defined() {
				t.Errorf("%s AUC = %v, want none", c.Name, c.AUC)
			}
			continue
		}
		// Within what the histogram says of itself; most are exact.
		if d := math.Abs(float64(c.AUC) - *f.AUC[k]); d > float64(c.AUCError)+1e-9 || d > 2e-5 {
			t.Errorf("%s AUC = %v ± %v, want %v", c.Name, float64(c.AUC), float64(c.AUCError), *f.AUC[k])
		}
	}
	f.compareCurve(t, curve)
}

// compareCurve looks for each of the fixture's operating points in a curve.
func (f fixtureFigures) compareCurve(t *testing.T, curve []evaluate.OperatingPoint) {
	t.Helper()
	if len(f.Curve) == 0 {
		t.Fatal("no operating points in the fixture")
	}
	for _, want := range f.Curve {
		i := slices.IndexFunc(curve, func(p evaluate.OperatingPoint) bool { return math.Abs(p.Threshold-*want[0]) < 1e-9 })
		if i < 0 {
			t.Errorf("no operating point at threshold %v", *want[0])
			continue
		}
		near(t, "soft tissue true-positive rate", float64(curve[i].TPR), *want[1])
		near(t, "soft tissue false-positive rate", float64(curve[i].FPR), *want[2])
		if want[3] == nil {
			if curve[i].Precision.Defined() {
				t.Errorf("precision at %v is %v, want none", *want[0], curve[i].Precision)
			}
			continue
		}
		near(t, "soft tissue precision", float64(curve[i].Precision), *want[3])
	}
}

func (f fixtureFigures) compareBins(t *testing.T, bins []evaluate.CalibrationBin) {
	t.Helper()
	if len(bins) != len(f.Bins.Pixels) {
		t.Fatalf("%d bins, want %d", len(bins), len(f.Bins.Pixels))
	}
	for i, k := 0, 0; i < len(bins); i++ {
		if bins[i].Pixels != f.Bins.Pixels[i] {
			t.Errorf("%d pixels in bin %d, want %d", bins[i].Pixels, i, f.Bins.Pixels[i])
		}
		if f.Bins.Pixels[i] == 0 {
			continue
		}
		near(t, "confidence of bin", float64(bins[i].Confidence), f.Bins.Confidence[k])
		near(t, "accuracy of bin", float64(bins[i].Accuracy), f.Bins.Accuracy[k])
		k++
	}
}

// compareROC: a curve keeps some of all points, each of which must be one of the fixture's.
func (f fixture) compareROC(t *testing.T, curves [3][]evaluate.ROCPoint) {
	t.Helper()
	for k, curve := range curves {
		all := map[[2]float64]bool{}
		for i, fpr := range f.Pooled.ROC[k][0] {
			all[[2]float64{fpr, f.Pooled.ROC[k][1][i]}] = true
		}
		missing := 0
		for _, p := range curve {
			if !all[[2]float64{p.FPR, p.TPR}] {
				missing++
			}
		}
		if len(curve) < 100 || missing > 0 {
			t.Errorf("%s: %d of %d points are not on the ROC curve", dataset.ClassNames[k], missing, len(curve))
		}
	}
}

// compareWithin checks the means over images of the shares of boundary within a distance.
func (f fixture) compareWithin(t *testing.T, within [3][]evaluate.Within) {
	t.Helper()
	for k, curve := range within {
		for i, at := range f.Within {
			var sum, n float64
			for _, img := range f.Images {
				if img.Boundary[k] != nil {
					sum, n = sum+img.Boundary[k][4+i], n+1
				}
			}
			near(t, fmt.Sprintf("%s boundary within %d", dataset.ClassNames[k], at), float64(curve[at].Share), sum/n)
		}
	}
}

func (f fixtureImage) compareBoundaries(t *testing.T, b evaluate.Boundaries) {
	t.Helper()
	for k, want := range f.Boundary {
		if want == nil {
			if b[k].Mean.Defined() || b[k].Images != 0 {
				t.Errorf("boundary of %s %+v, want none", dataset.ClassNames[k], b[k])
			}
			continue
		}
		near(t, "mean distance", float64(b[k].Mean), want[0])
		near(t, "95th percentile", float64(b[k].P95), want[1])
		near(t, "mean distance in mm", float64(b[k].MeanMM), want[2])
		near(t, "95th percentile in mm", float64(b[k].P95MM), want[3])
	}
}

// compareMeanBoundaries checks the means over the images that have a distance.
func (f fixture) compareMeanBoundaries(t *testing.T, classes [3]evaluate.Class) {
	t.Helper()
	for k, c := range classes {
		var sum float64
		n := 0
		for _, img := range f.Images {
			if img.Boundary[k] != nil {
				sum += img.Boundary[k][0]
				n++
			}
		}
		if c.Boundary.Images != n || c.Boundary.Images+c.Boundary.Missed > len(f.Images) {
			t.Errorf("boundary of %s over %d images, want %d", c.Name, c.Boundary.Images, n)
		}
		near(t, "mean boundary of "+c.Name, float64(c.Boundary.Mean), sum/float64(n))
	}
}

// The fixture must hold the cases that make it worth having.
func TestFixtureIsHard(t *testing.T) {
	f := readFixture(t)
	ignored, undefinedAUC, undefinedBoundary, ties, zero := false, false, false, 0, 0
	for _, img := range f.Images {
		for i, v := range img.Label {
			if v == dataset.Ignore {
				ignored = true
				continue
			}
			p := []int{img.Thousandths[0][i], img.Thousandths[1][i], img.Thousandths[2][i]}
			if p[v] == 0 {
				zero++
			}
			if slices.Sort(p); p[2] == p[1] {
				ties++
			}
		}
		for k := range 3 {
			undefinedAUC = undefinedAUC || img.AUC[k] == nil
			undefinedBoundary = undefinedBoundary || img.Boundary[k] == nil
		}
	}
	if !ignored || !undefinedAUC || !undefinedBoundary || ties < 10 || zero == 0 {
		t.Errorf("ignored pixels %v, a class without AUC %v, one without boundary %v, %d ties, %d labels of probability 0; want all", ignored, undefinedAUC, undefinedBoundary, ties, zero)
	}
	if f.Pooled.Accuracy > 0.95 || math.Abs(f.Pooled.ECE) < 0.01 {
		t.Errorf("accuracy %v, calibration error %v: too good to tell anything", f.Pooled.Accuracy, f.Pooled.ECE)
	}
}
