package fit

import (
	"encoding/xml"
	"errors"
	"io"
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

// Each line is drawn and named when its figures are defined, and only then.
func TestDrawCurve(t *testing.T) {
	all := []string{"training", "validation", "accuracy", "F1 of soft tissue", "F1 of bone", "best"}
	for name, test := range map[string]struct {
		curve []Point
		best  int
		named []string
	}{
		"validated":   {learning(30, true), 120, all},
		"long":        {learning(3000, true), 120, all},
		"no best":     {learning(30, true), 0, all[:5]},
		"unvalidated": {learning(30, false), 0, all[:1]},
		"one point":   {learning(1, true), 0, all[:5]},
		"empty":       {nil, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := drawCurve(test.curve, test.best)
			if err != nil {
				t.Fatal(err)
			}
			texts := svgTexts(t, string(data))
			for _, s := range all {
				if want := slices.Contains(test.named, s); slices.Contains(texts, s) != want {
					t.Errorf("%q named: %v, want %v", s, !want, want)
				}
			}
		})
	}
}

// svgTexts are the texts of an SVG document, which must be well-formed XML.
func svgTexts(t *testing.T, document string) (out []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if s, ok := token.(xml.CharData); ok {
			out = append(out, strings.TrimSpace(string(s)))
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
	if _, err := os.Stat(strings.TrimSuffix(path, ".csv") + ".svg"); err != nil {
		t.Error(err)
	}
}
