package fit

import (
	"bytes"
	"math"

	"dicomnode/trainer/chart"
)

// series is one line of a chart of the learning curve, in a style of chart's style sheet.
type series struct {
	name, style string
	at          func(Point) float64
}

var (
	lossSeries = []series{
		{"training", "confidence", func(p Point) float64 { return p.Loss }},
		{"validation", "accuracy", func(p Point) float64 { return float64(p.ValidationLoss) }}}
	scoreSeries = []series{
		{"accuracy", "accuracy", func(p Point) float64 { return float64(p.Accuracy) }},
		{"F1 of soft tissue", "soft", func(p Point) float64 { return float64(p.SoftF1) }},
		{"F1 of bone", "bone", func(p Point) float64 { return float64(p.BoneF1) }}}
)

// drawCurve draws the learning curve as SVG: losses and scores over the same axis of
// epochs. best is the step of the best parameters, 0 for none.
func drawCurve(curve []Point, best int) ([]byte, error) {
	loss := curveChart("Loss", "cross-entropy, nats per pixel", curve, best, lossSeries)
	scores := curveChart("Validation scores", "score", curve, best, scoreSeries)
	var out bytes.Buffer
	err := chart.WriteSVG(&out, loss, scores)
	return out.Bytes(), err
}

func curveChart(title, unit string, curve []Point, best int, lines []series) *chart.Chart {
	x := chart.Axis{Label: "epoch", To: 1, Format: chart.Number}
	if n := len(curve); n > 0 && curve[n-1].Epoch > 0 {
		x.To = curve[n-1].Epoch
	}
	y := span(curve, lines)
	y.Label = unit
	c := chart.New("", title, x, y, chart.RoundStep(x.From, x.To, 8), chart.RoundStep(y.From, y.To, 5))
	for _, s := range lines {
		points := make([][2]float64, len(curve))
		for i, p := range curve {
			points[i] = [2]float64{p.Epoch, s.at(p)}
		}
		c.Draw(s.style, s.name, points)
	}
	for _, p := range curve {
		if p.Step == best {
			c.Rule(p.Epoch, "chosen", "best")
		}
	}
	return c
}

// span is the range of the series' values, a little wider so that lines stay off the frame.
func span(curve []Point, lines []series) chart.Axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, at := range curve {
		for _, s := range lines {
			if v := s.at(at); !math.IsNaN(v) && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		low, high = 0, 1
	}
	room := max(0.05*(high-low), 1e-6)
	return chart.Axis{From: max(0, low-room), To: high + room, Format: chart.Number}
}
