package compare_test

import (
	"bytes"
	"encoding/json"
	"image/color"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

func small(t *testing.T) *compare.Report {
	t.Helper()
	model := entry("net", script{wrong: map[string]int{"a": 100}, class: 2})
	model.Kind, model.Model = compare.KindNetwork, &compare.Model{Name: "XNet-4", Version: "7", Digest: "abc", Device: "cpu"}
	r, err := compare.Run(t.Context(), []*dataset.Sample{sample("a", 100, 50, 30), sample("b", 60, 60, 60)},
		append([]compare.Entry{model}, compare.ClassicalEntries(classical.Defaults(), false, &segment.Pipeline{})...), compare.Options{Keep: compare.MaxSheet})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTextSaysItAll(t *testing.T) {
	var b bytes.Buffer
	if err := small(t).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 images, 72000 pixels scored", "F1 open beam", "s/image", "against net", "2000 resamples", compare.Caveat,
		"net: XNet-4 7, digest abc, on cpu", `multi-otsu: {"input":{"field":true,"gamma":1},"method":{"bins":256}}`, `"variance_test":6`, `"window":7`, `"edge_share":0.3`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestJSONHoldsEveryRow(t *testing.T) {
	r := small(t)
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Caveat string
		Rows   []struct {
			Name       string
			Accuracy   float64
			Seconds    float64 `json:"seconds_per_image"`
			Parameters map[string]any
			Model      *compare.Model
			Difference *compare.Difference `json:"to_first"`
			PerImage   []compare.ImageRow  `json:"per_image"`
		}
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Caveat != compare.Caveat || len(back.Rows) != 5 || back.Rows[0].Model.Digest != "abc" || back.Rows[2].Parameters["method"].(map[string]any)["block"] != 64.0 {
		t.Fatalf("%+v", back)
	}
	for i, row := range back.Rows {
		if row.Name != r.Rows[i].Name || row.Accuracy != float64(r.Rows[i].Accuracy) || len(row.PerImage) != 2 || (row.Difference == nil) != (i == 0) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
}

func TestSheetShowsPictureLabelAndEntries(t *testing.T) {
	img := small(t).Sheet()
	if w, h := img.Bounds().Dx(), img.Bounds().Dy(); w != 7*204 || h != 2*220 {
		t.Fatalf("%d×%d", w, h)
	}
	at := func(column, row, y int) color.Color { return img.At(column*204+100, row*220+16+y) }
	openBeam, soft, bone := at(1, 0, 50), at(1, 0, 120), at(1, 0, 170)
	if openBeam == soft || soft == bone || openBeam == bone {
		t.Error("two classes have one colour")
	}
	if at(2, 0, 120) != soft || at(2, 0, 170) != bone || at(2, 1, 30) != openBeam {
		t.Error("what the first entry made is not in its column")
	}
	if at(2, 0, 190) == openBeam || at(1, 0, 190) == openBeam {
		t.Error("what has no label is not dimmed")
	}
	if r, _, _, _ := at(0, 0, 50).RGBA(); r>>8 != 60000>>8 {
		t.Error("the picture is not in its column")
	}
}

// TestFloorOnRealRadiographs holds multi-Otsu against another program's figure on
// the same 14 radiographs, 0.823; that one squeezed them to a square and knew no
// exposed field, which helps.
func TestFloorOnRealRadiographs(t *testing.T) {
	dir := dicomtest.Shared(t, "labelled")
	samples, excluded, err := evaluate.Load(t.Context(), dir, evaluate.Options{Exclude: []string{"*phantom*"}})
	if err != nil {
		t.Fatal(err)
	}
	whole := classical.Defaults()
	whole.Input.Field = false
	borders := &segment.Pipeline{} // without the network, by straight borders alone
	entries := append(compare.ClassicalEntries(whole, false, borders)[:2], compare.ClassicalEntries(classical.Defaults(), false, borders)[:2]...)
	r, err := compare.Run(t.Context(), samples, entries, compare.Options{Resamples: 200})
	if err != nil {
		t.Fatal(err)
	}
	if r.Images != 14 || len(excluded) != 2 {
		t.Errorf("%d images, %d left out", r.Images, len(excluded))
	}
	if a := float64(r.Rows[0].Accuracy); a < 0.80 || a > 0.85 {
		t.Errorf("multi-Otsu: accuracy %.4f, want about 0.823", a)
	}
	for i := range 2 {
		if a, b := r.Rows[i].Accuracy, r.Rows[2+i].Accuracy; b < a+0.01 {
			t.Errorf("%s: accuracy %.4f in the exposed field, %.4f in the whole frame", r.Rows[i].Name, b, a)
		}
	}
	for _, row := range r.Rows {
		t.Logf("%s: accuracy %.4f, F1 of bone %.4f", row.Name, float64(row.Accuracy), float64(row.Classes[dataset.Bone].F1))
	}
	if clustering := float64(r.Rows[3].Classes[dataset.Bone].F1); clustering < float64(r.Rows[2].Classes[dataset.Bone].F1) {
		t.Errorf("clustering finds bone with F1 %.4f, worse than two thresholds", clustering)
	}
}
