package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// fixed answers with one class everywhere, with the given probability.
type fixed struct {
	class int
	p     float32
	err   error
}

func (f fixed) Predict(_ context.Context, x []float32) ([]float32, error) {
	out := make([]float32, 3*len(x))
	for i := range out {
		out[i] = (1 - f.p) / 2
		if i/len(x) == f.class {
			out[i] = f.p
		}
	}
	return out, f.err
}

// folder holds two 200×200 pictures: "a" with 100 rows of open beam, 50 of soft
// tissue, 30 of bone and 20 ignored; "b-phantom" all bone.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, label func(row int) uint8) {
		img, lab := image.NewGray16(image.Rect(0, 0, 200, 200)), image.NewGray(image.Rect(0, 0, 200, 200))
		for i := range lab.Pix {
			lab.Pix[i] = label(i / 200)
			img.Pix[2*i] = uint8(i / 200)
		}
		if err := w.Add(dataset.Item{ID: id, BodyPart: "hand", Polarity: dataset.AirBright}, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	add("a", func(row int) uint8 {
		switch {
		case row < 100:
			return dataset.OpenBeam
		case row < 150:
			return dataset.SoftTissue
		case row < 180:
			return dataset.Bone
		}
		return dataset.Ignore
	})
	add("b-phantom", func(int) uint8 { return dataset.Bone })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestRun(t *testing.T) {
	r, err := evaluate.Run(context.Background(), folder(t), fixed{class: 1, p: 0.8}, evaluate.Options{Exclude: []string{"*phantom"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Images) != 1 || len(r.Excluded) != 1 || r.Excluded[0] != "b-phantom" {
		t.Fatalf("images %v, excluded %v", r.Images, r.Excluded)
	}
	want := evaluate.Confusion{{0, 20000, 0}, {0, 10000, 0}, {0, 6000, 0}}
	if r.Confusion != want {
		t.Fatalf("confusion %v, want %v", r.Confusion, want)
	}
	near(t, "accuracy", r.Accuracy, 10.0/36)
	near(t, "soft tissue precision", r.Classes[1].Precision, 10.0/36)
	near(t, "soft tissue recall", r.Classes[1].Recall, 1)
	near(t, "soft tissue F1", r.Classes[1].F1, 20.0/46)
	near(t, "bone accuracy", r.Classes[2].Accuracy, 30.0/36)
	near(t, "bone F1", r.Classes[2].F1, 0)
	near(t, "weighted F1", r.WeightedF1, 20.0/46*10/36)
	near(t, "mean confidence", r.Calibration.MeanConfidence, float64(float32(0.8)))
	near(t, "calibration error", r.Calibration.Error, float64(float32(0.8))-10.0/36)
	near(t, "cross-entropy", float64(r.CrossEntropy), -(10*math.Log(0.8)+26*math.Log(0.1))/36)
}

func TestSummariseByHand(t *testing.T) {
	s := evaluate.Summarise(evaluate.Confusion{{8, 2, 0}, {1, 6, 3}, {0, 1, 4}})
	near(t, "accuracy", s.Accuracy, 18.0/25)
	near(t, "open precision", s.Classes[0].Precision, 8.0/9)
	near(t, "soft recall", s.Classes[1].Recall, 0.6)
	near(t, "soft precision", s.Classes[1].Precision, 6.0/9)
	near(t, "bone F1", s.Classes[2].F1, 8.0/12)
	near(t, "bone accuracy", s.Classes[2].Accuracy, 21.0/25)
	near(t, "weighted F1", s.WeightedF1, (10*16.0/19+10*12.0/19+5*8.0/12)/25)
}

// A pixel whose class was thought impossible costs a lot, not everything.
func TestImpossibleClass(t *testing.T) {
	r, err := evaluate.Run(context.Background(), folder(t), fixed{class: 2, p: 1}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "cross-entropy", float64(r.CrossEntropy), -math.Log(1e-7)*30000/76000)
}

func TestPooling(t *testing.T) {
	r, err := evaluate.Run(context.Background(), folder(t), fixed{class: 2, p: 0.6}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "pooled accuracy", r.Accuracy, 46000.0/76000)
	if len(r.BodyParts) != 1 || r.BodyParts[0].Images != 2 || r.BodyParts[0].Pixels != 76000 {
		t.Errorf("body parts %+v", r.BodyParts)
	}
	near(t, "accuracy of image a", r.Images[0].Accuracy, 6.0/36)
}

func TestErrors(t *testing.T) {
	dir := folder(t)
	if _, err := evaluate.Run(context.Background(), dir, fixed{p: 1}, evaluate.Options{Splits: []string{"test"}}); !errors.Is(err, evaluate.ErrEmpty) {
		t.Errorf("no item: %v", err)
	}
	broken := errors.New("broken")
	if _, err := evaluate.Run(context.Background(), dir, fixed{err: broken}, evaluate.Options{}); !errors.Is(err, broken) {
		t.Errorf("predictor's error: %v", err)
	}
	if _, err := evaluate.Run(context.Background(), dir, fixed{p: 1}, evaluate.Options{Exclude: []string{"["}}); err == nil {
		t.Error("bad pattern accepted")
	}
}

func TestWrite(t *testing.T) {
	r, err := evaluate.Run(context.Background(), folder(t), fixed{class: 1, p: 0.8}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text, markdown, data bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&markdown), r.WriteJSON(&data)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "weighted pixel accuracy 0.1316") {
		t.Errorf("text lacks the accuracy:\n%s", text.String())
	}
	rows := strings.Split(strings.TrimSpace(markdown.String()), "\n")
	if len(rows) != 4 || !strings.HasPrefix(rows[2], "| model at 200×200 | 0.132 (") || strings.Count(rows[2], "|") != strings.Count(rows[0], "|") {
		t.Errorf("Markdown:\n%s", markdown.String())
	}
	var back evaluate.Report
	if err := json.Unmarshal(data.Bytes(), &back); err != nil || back.Confusion != r.Confusion {
		t.Errorf("JSON does not read back: %v", err)
	}
}

// The flag counts wrong and right images by their quality, and each has its own in the table.
func TestFlag(t *testing.T) {
	dir := folder(t)
	judged := 0
	judge := func(_ context.Context, p *dataset.Picture, a *scales.Answer, _ bool) (float64, error) {
		if a == nil || a.P == nil || p.Rows != 200 {
			t.Errorf("judged %+v of %d rows", a, p.Rows)
		}
		judged++
		return []float64{0.5, 0.9}[judged-1], nil
	}
	r, err := evaluate.Run(t.Context(), dir, fixed{class: dataset.Bone, p: 0.9}, evaluate.Options{Judge: judge, Limit: 0.86, Resamples: -1})
	if err != nil {
		t.Fatal(err)
	}
	want := &evaluate.Flag{Limit: 0.86, Wrong: 1, WrongBelow: 1, Right: 1} // "a" is mostly no bone, "b-phantom" all
	if diff := cmp.Diff(want, r.Flag); diff != "" {
		t.Error(diff)
	}
	if q := r.Images[1].Quality; q == nil || *q != 0.9 {
		t.Errorf("quality of the second: %v", q)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "quality below 0.860: 1 of 1 images with an accuracy below 0.85, 0 of 1 with one above 0.93") {
		t.Errorf("%v:\n%s", err, text.String())
	}
}
