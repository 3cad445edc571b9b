package fit

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/evaluate"
)

// learning is a curve of n points; without validation its figures are undefined.
func learning(n int, validated bool) (curve []Point) {
	for i := range n {
		x := float64(i+1) / float64(n)
		p := Point{Step: 10 * (i + 1), Epoch: float64(i + 1), Loss: 0.15 + math.Exp(-4*x)}
		p.ValidationLoss = evaluate.Value(0.2 + math.Exp(-4*x) + 0.3*x*x)
		p.Accuracy, p.SoftF1, p.BoneF1 = 1-p.ValidationLoss/2, 0.95-p.ValidationLoss/2, 0.9-p.ValidationLoss/2
		if !validated {
			none := evaluate.Value(math.NaN())
			p.ValidationLoss, p.Accuracy, p.SoftF1, p.BoneF1 = none, none, none, none
		}
		curve = append(curve, p)
	}
	return curve
}

// Each line is drawn when its figures are defined, and only then.
func TestDrawCurve(t *testing.T) {
	for name, test := range map[string]struct {
		curve   []Point
		with    []color.RGBA
		without []color.RGBA
	}{
		"validated":   {learning(30, true), []color.RGBA{blue, orange, green, purple, marking}, nil},
		"long":        {learning(3000, true), []color.RGBA{blue, orange, green, purple}, nil},
		"unvalidated": {learning(30, false), []color.RGBA{blue}, nil},
		"one point":   {learning(1, true), []color.RGBA{blue, orange, green, purple}, nil},
		"empty":       {nil, nil, []color.RGBA{marking}},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := drawCurve(test.curve, 120)
			if err != nil {
				t.Fatal(err)
			}
			drawn := below(t, data, 44, 300, 350, 590)
			for _, c := range test.with {
				if drawn[c] == 0 {
					t.Errorf("nothing drawn in %v", c)
				}
			}
			if name == "unvalidated" {
				test.without = []color.RGBA{orange, green, purple}
			}
			for _, c := range test.without {
				if drawn[c] > 0 {
					t.Errorf("%d pixels drawn in %v", drawn[c], c)
				}
			}
		})
	}
}

// below counts the colours within the panels, where no key is.
func below(t *testing.T, data []byte, rows ...int) map[color.RGBA]int {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.RGBA]int{}
	for ; len(rows) > 0; rows = rows[2:] {
		for y := rows[0]; y < rows[1]; y++ {
			for x := range img.Bounds().Dx() {
				count[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
			}
		}
	}
	return count
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		from, to float64
		n        int
		want     []float64
	}{
		{0, 3, 8, []float64{0, 0.5, 1, 1.5, 2, 2.5, 3}},
		{0, 100, 5, []float64{0, 20, 40, 60, 80, 100}},
		{0.11, 0.52, 5, []float64{0.2, 0.3, 0.4, 0.5}},
	} {
		got := scale{from: test.from, to: test.to}.ticks(test.n)
		same := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if !slices.EqualFunc(got, test.want, same) {
			t.Errorf("ticks of %g to %g: %v, want %v", test.from, test.to, got, test.want)
		}
	}
}

func TestWriteCurve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curve.csv")
	if err := writeCurve(path, learning(2, false), 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "step,epoch,loss,") || !strings.HasPrefix(lines[2], "20,2,0.1683") || !strings.Contains(lines[2], "NaN") {
		t.Errorf("curve:\n%s", text)
	}
	if _, err := os.Stat(strings.TrimSuffix(path, ".csv") + ".png"); err != nil {
		t.Error(err)
	}
}
