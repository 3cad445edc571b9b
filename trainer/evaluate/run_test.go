package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/segment"
	segmentpicture "dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// predict is a Predictor that is a function.
type predict func(x []float32) []float32

func (p predict) Predict(_ context.Context, x []float32) ([]float32, error) { return p(x), nil }

// pictures writes a data set of rows×cols pictures whose labels are a function of
// image, row and column.
func pictures(t *testing.T, n, rows, cols int, class func(i, y, x int) uint8, spacing ...string) string {
	t.Helper()
	dir := t.TempDir()
	var columns []string
	if len(spacing) > 0 {
		columns = []string{dataset.SpacingColumn}
	}
	w, err := dataset.Create(dir, columns...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		picture, label := image.NewGray(image.Rect(0, 0, cols, rows)), image.NewGray(image.Rect(0, 0, cols, rows))
		for at := range label.Pix {
			label.Pix[at] = class(i, at/cols, at%cols)
			picture.Pix[at] = uint8(at)
		}
		it := dataset.Item{ID: fmt.Sprintf("image-%02d", i), BodyPart: "hand", Polarity: dataset.AirDark, Extra: spacing}
		if err := w.Add(it, picture, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// columns answers open beam with 0.9 left of the input's column at, bone right of it.
func columns(at int) predict {
	return func(x []float32) []float32 {
		n := len(x)
		out := make([]float32, 3*n)
		for i := range n {
			out[i], out[n+i], out[2*n+i] = 0.05, 0.05, 0.9
			if i%side < at {
				out[i], out[2*n+i] = 0.9, 0.05
			}
		}
		return out
	}
}

// A picture of 100×400 pixels is 50×200 at the network: a boundary 10 network pixels
// off is 20 of its own, and so many millimetres at either.
func TestNativeResolution(t *testing.T) {
	dir := pictures(t, 2, 100, 400, func(_, _, x int) uint8 {
		if x < 220 {
			return dataset.OpenBeam
		}
		return dataset.Bone
	}, "0.2")
	r, err := evaluate.Run(context.Background(), dir, columns(100), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Pixels != 2*50*200 || r.Native.Pixels != 2*100*400 {
		t.Errorf("%d and %d pixels scored", r.Pixels, r.Native.Pixels)
	}
	if i := r.Native.Images[0]; i.Rows != 100 || i.Columns != 400 {
		t.Errorf("image of %d×%d, want 100×400", i.Rows, i.Columns)
	}
	near(t, "accuracy", r.Accuracy, 0.95)
	near(t, "native accuracy", r.Native.Accuracy, 0.95)
	for k, want := range map[int][2]float64{dataset.OpenBeam: {10, 20}, dataset.Bone: {10, 20}} {
		near(t, "mean distance", float64(r.Classes[k].Boundary.Mean), want[0])
		near(t, "native mean distance", float64(r.Native.Classes[k].Boundary.Mean), want[1])
		near(t, "mean distance in mm", float64(r.Classes[k].Boundary.MeanMM), 4)
		near(t, "native mean distance in mm", float64(r.Native.Classes[k].Boundary.MeanMM), 4)
		near(t, "native 95th percentile in mm", float64(r.Native.Classes[k].Boundary.P95MM), 4)
	}
	if b := r.Classes[dataset.SoftTissue].Boundary; b.Mean.Defined() || b.Images != 0 || b.Missed != 0 {
		t.Errorf("boundary of a class that is not there: %+v", b)
	}
}

// A border that the prediction misses by a pixel of the network is at an edge of the image:
// refinement moves it there, which the scores of the refined answer at 200×200 show.
func TestRefinedAtNetworkResolution(t *testing.T) {
	const size, edge = 600, 297
	picture, label := image.NewGray(image.Rect(0, 0, size, size)), image.NewGray(image.Rect(0, 0, size, size))
	for i := range label.Pix {
		if i%size >= edge {
			picture.Pix[i], label.Pix[i] = 200, dataset.Bone
		}
	}
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(dataset.Item{ID: "edge", BodyPart: "hand", Polarity: dataset.AirDark}, picture, label), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, guided := range []*segmentpicture.GuidedFilter{nil, segmentpicture.NewGuidedFilter()} {
		r, err := evaluate.Run(t.Context(), dir, columns(edge*side/size+1), evaluate.Options{Guided: guided})
		if err != nil {
			t.Fatal(err)
		}
		var text, table bytes.Buffer
		if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&table)); err != nil {
			t.Fatal(err)
		}
		near(t, "accuracy", r.Accuracy, 1-1.0/side)
		rows := strings.Count(text.String(), "at 200×200, refined") + strings.Count(table.String(), "at 200×200, refined")
		if guided == nil {
			if r.Refined != nil || rows != 0 {
				t.Errorf("refined without a filter: %+v, %d times in the tables", r.Refined, rows)
			}
			continue
		}
		if rows != 2 {
			t.Errorf("refined scores %d times in the tables, want 2", rows)
		}
		near(t, "refined accuracy", r.Refined.Accuracy, 1)
		if r.Refined.Pixels != r.Pixels {
			t.Errorf("%d refined pixels scored, want %d", r.Refined.Pixels, r.Pixels)
		}
	}
}

func TestMissedBoundary(t *testing.T) {
	dir := pictures(t, 1, 200, 200, func(_, y, _ int) uint8 { return uint8(y / 100) })
	r, err := evaluate.Run(context.Background(), dir, fixed{class: dataset.SoftTissue, p: 0.9}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Classes[dataset.SoftTissue].Boundary; b.Missed != 1 || b.Images != 0 || b.Mean.Defined() {
		t.Errorf("labelled boundary without a predicted one: %+v", b)
	}
}

func TestSpacingRefused(t *testing.T) {
	for _, bad := range []string{"0", "-1", "wide", "NaN", "1e9"} {
		dir := pictures(t, 1, 4, 4, func(_, _, _ int) uint8 { return 0 }, bad)
		_, err := evaluate.Run(context.Background(), dir, fixed{p: 1}, evaluate.Options{})
		if err == nil || !strings.Contains(err.Error(), dataset.SpacingColumn) {
			t.Errorf("spacing %q: error %v", bad, err)
		}
	}
}

func TestAnswerRefused(t *testing.T) {
	dir := pictures(t, 1, 4, 4, func(_, _, _ int) uint8 { return 0 })
	for name, bad := range map[string]float32{"not a number": float32(math.NaN()), "infinite": float32(math.Inf(1)), "negative": -0.1, "above one": 1.1} {
		answer := func(x []float32) []float32 {
			out := make([]float32, 3*len(x))
			for i := range x {
				out[i] = 1
			}
			out[len(x)+7] = bad
			return out
		}
		if _, err := evaluate.Run(context.Background(), dir, predict(answer), evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "at input pixel 7") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	short := predict(func(x []float32) []float32 { return x })
	if _, err := evaluate.Run(context.Background(), dir, short, evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "want 120000") {
		t.Errorf("too few probabilities: error %v", err)
	}
}

// One image is read when the one before it is done: an image that vanishes
// meanwhile is missed.
func TestStreams(t *testing.T) {
	dir := pictures(t, 3, 8, 8, func(_, _, _ int) uint8 { return 0 })
	calls := 0
	p := predict(func(x []float32) []float32 {
		calls++
		if err := os.Remove(filepath.Join(dir, "images", fmt.Sprintf("image-%02d.png", calls))); err != nil {
			t.Error(err)
		}
		return columns(side)(x)
	})
	var done []int
	_, err := evaluate.Run(context.Background(), dir, p, evaluate.Options{Progress: func(d, all int) { done = append(done, d, all) }})
	if !errors.Is(err, fs.ErrNotExist) || calls != 1 || !slices.Equal(done, []int{1, 3}) {
		t.Errorf("%d predictions, progress %v, error %v", calls, done, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := evaluate.Run(ctx, folder(t), fixed{p: 1}, evaluate.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// halves labels every second image wholly open beam, the others wholly bone.
func halves(i, _, _ int) uint8 { return uint8(i%2) * dataset.Bone }

func TestIntervals(t *testing.T) {
	dir := pictures(t, 8, 20, 20, halves)
	opt := evaluate.Options{Seed: 5, Resamples: 1500}
	run := func() *evaluate.Report {
		r, err := evaluate.Run(context.Background(), dir, columns(side), opt)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run()
	// Right in k of 8 images is binomial with p = ½: 2.5 % lie below 1/8 and
	// above 7/8 to within what 1500 resamples can tell.
	got := r.Intervals.Of["accuracy"]
	near(t, "lower end", float64(got[0]), 1.0/8)
	near(t, "upper end", float64(got[1]), 7.0/8)
	if diff := cmp.Diff(r.Intervals, run().Intervals); diff != "" {
		t.Errorf("the same seed gives other intervals: %s", diff)
	}
	opt.Seed, opt.Resamples = 6, 300
	if r := run(); r.Intervals.Resamples != 300 || r.Intervals.Seed != 6 {
		t.Errorf("%d resamples, seed %d", r.Intervals.Resamples, r.Intervals.Seed)
	}
	opt.Resamples = -1
	if r := run(); r.Intervals != nil {
		t.Errorf("intervals %v, want none", r.Intervals)
	}
	if r, err := evaluate.Run(context.Background(), pictures(t, 1, 9, 9, halves), columns(side), evaluate.Options{}); err != nil || r.Intervals != nil {
		t.Errorf("one image has intervals %v, error %v", r, err)
	}
}

// The AUC of probabilities that fall between the histogram's bins is within what
// the report says of the AUC of sorted pixels.
func TestAUCError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	label := make([]uint8, side*side)
	p := make([]float32, 3*side*side)
	for i := range label {
		label[i] = uint8(random.IntN(2)) * dataset.Bone
		v := 1 / (1 + math.Exp(-8*random.NormFloat64()-6*(float64(label[i])-1)))
		p[i], p[2*side*side+i] = float32(1-v), float32(v)
	}
	dir := pictures(t, 1, side, side, func(_, y, x int) uint8 { return label[y*side+x] })
	r, err := evaluate.Run(context.Background(), dir, predict(func([]float32) []float32 { return p }), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Classes[dataset.Bone]
	want := areaBySorting(label, p[2*side*side:])
	if d := math.Abs(float64(c.AUC) - want); d > float64(c.AUCError) || d > 1e-6 {
		t.Errorf("AUC %v ± %v, want %v", float64(c.AUC), float64(c.AUCError), want)
	}
	if c.AUCError > 1e-3 {
		t.Errorf("AUC may be off by %v", float64(c.AUCError))
	}
	curve := r.ROC[dataset.Bone]
	if first, last := curve[0], curve[len(curve)-1]; first.TPR != 0 || first.FPR != 0 || last.TPR != 1 || last.FPR != 1 || len(curve) > 600 {
		t.Errorf("ROC of %d points from %+v to %+v", len(curve), first, last)
	}
	for _, q := range curve[1 : len(curve)-1] {
		if tpr := shareAbove(label, p[2*side*side:], q.Threshold); math.Abs(tpr-q.TPR) > 1e-3 {
			t.Errorf("true-positive rate %v at threshold %v, want %v", q.TPR, q.Threshold, tpr)
		}
	}
}

// areaBySorting is the AUC from the ranks of bone's pixels (Mann-Whitney).
func areaBySorting(label []uint8, p []float32) float64 {
	order := make([]int, len(label))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(math.Copysign(1, float64(p[a]-p[b]))) })
	var ranks float64
	var in int
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && p[order[j]] == p[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			if label[k] == dataset.Bone {
				ranks += float64(i+j+1) / 2
				in++
			}
		}
		i = j
	}
	return (ranks - float64(in)*float64(in+1)/2) / (float64(in) * float64(len(label)-in))
}

// shareAbove is the share of bone's pixels with a probability of at least t.
func shareAbove(label []uint8, p []float32, t float64) float64 {
	var in, above float64
	for i, v := range label {
		if v == dataset.Bone {
			in++
			if float64(p[i]) >= t {
				above++
			}
		}
	}
	return above / in
}

func TestJSONRoundTrip(t *testing.T) {
	r, err := evaluate.Run(context.Background(), folder(t), fixed{class: 1, p: 0.8}, evaluate.Options{Splits: []string{""}})
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	var back evaluate.Report
	if err := errors.Join(r.WriteJSON(&first), json.Unmarshal(first.Bytes(), &back), back.WriteJSON(&second)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(first.String(), `"mean_mm": null`) {
		t.Error("an undefined distance is not null")
	}
	if strings.Contains(first.String(), "/") && strings.Contains(first.String(), os.TempDir()) {
		t.Error("the report tells where the data set lies")
	}
}

// The left half is called soft tissue. In every second image all of it is, in the others the
// left half: with k of the former among 8, 8/(8+k) of the soft tissue is found at precision 1.
func TestIntervalOfSoftTissueAtPrecision(t *testing.T) {
	dir := pictures(t, 8, 20, 20, func(i, _, x int) uint8 {
		if i%2 == 0 || x < 10 {
			return dataset.SoftTissue
		}
		return dataset.Bone
	})
	left := predict(func(x []float32) []float32 {
		p := columns(side / 2)(x)
		n := len(x)
		for i := range n {
			p[i], p[n+i] = p[n+i], p[i]
		}
		return p
	})
	r, err := evaluate.Run(t.Context(), dir, left, evaluate.Options{Seed: 5, Resamples: 1500})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := r.Intervals.Of["soft_tissue_tpr_at_precision_97"]
	if !ok {
		t.Fatal("no interval")
	}
	near(t, "lower end", float64(got[0]), 8.0/15)
	near(t, "upper end", float64(got[1]), 8.0/9)
	var text, table bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&table)); err != nil {
		t.Fatal(err)
	}
	if want := "true-positive rate 0.6667 (95 % 0.533–0.889)"; !strings.Contains(text.String(), want) {
		t.Errorf("the text lacks %q:\n%s", want, text.String())
	}
	if want := "(53.3–88.9)"; !strings.Contains(table.String(), want) {
		t.Errorf("the table lacks %q:\n%s", want, table.String())
	}
}

// Soft tissue of an image that the model of trunk and head predicts has that model's threshold.
func TestThresholdOfTrunk(t *testing.T) {
	dir := pictures(t, 2, 200, 200, func(int, int, int) uint8 { return dataset.SoftTissue })
	csv := filepath.Join(dir, "dataset.csv")
	b, err := os.ReadFile(csv)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(csv, bytes.Replace(b, []byte("hand"), []byte("chest"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	soft := predict(func(x []float32) []float32 {
		n := len(x)
		return slices.Concat(slices.Repeat([]float32{.1}, n), slices.Repeat([]float32{.8}, n), slices.Repeat([]float32{.1}, n))
	})
	low, high := .5, .9
	r, err := evaluate.Run(t.Context(), dir, soft, evaluate.Options{SoftTissue: table(t, &low, nil), Resamples: -1,
		Trunk: &evaluate.Trunk{Variant: segment.Variant{Predictor: soft}, SoftTissue: table(t, &high, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		part      string
		threshold float64
		tpr       evaluate.Value
	}{{"chest", .9, 0}, {"hand", .5, 1}} {
		if p := r.BodyParts[i]; p.Name != want.part || p.Operating.Threshold != want.threshold || p.Operating.TPR != want.tpr || r.Native.BodyParts[i].Operating.TPR != want.tpr {
			t.Errorf("%+v, want %+v", p.Operating, want)
		}
	}
	if r.Operating.TPR != .5 {
		t.Errorf("of all soft tissue %v, want a half", r.Operating.TPR)
	}
}
