package evaluate

import (
	"fmt"
	"slices"
	"strings"

	"dicomnode/trainer/chart"
	"dicomnode/trainer/dataset"
)

// classStyles are the style sheet's names of the classes.
var classStyles = [dataset.Classes]string{"open", "soft", "bone"}

// rocChart is the paper's figure 2b, with the corner where good networks are enlarged.
func (r *Result) rocChart(id string) *chart.Chart {
	c := chart.New(id, "ROC curves", chart.Axis{Label: "false-positive rate", From: 0, To: 1}, chart.Axis{Label: "true-positive rate", From: 0, To: 1}, 0.2, 0.2)
	c.Caption = "Each class against the rest, the paper's figure 2b."
	var corner *chart.Chart
	if r.reachesCorner() {
		corner = c.Enlarge(165, 90, 200, 140, chart.Axis{From: 0, To: rocCorner}, chart.Axis{From: 1 - rocCorner, To: 1}, 0.1)
		c.Caption += " The inset enlarges the upper left corner."
	}
	var parts []string
	for k, curve := range r.ROC {
		if len(curve) == 0 {
			continue
		}
		points := make([][2]float64, len(curve))
		for i, p := range curve {
			points[i] = [2]float64{p.FPR, p.TPR}
		}
		name := fmt.Sprintf("%s, AUC %s", dataset.ClassNames[k], r.Classes[k].AUC.Short())
		c.Draw(classStyles[k], name, points)
		if corner != nil {
			corner.Draw(classStyles[k], "", points)
		}
		parts = append(parts, name)
	}
	c.Draw("chance", "chance", [][2]float64{{0, 0}, {1, 1}})
	if at := r.Operating; at.TPR.Defined() && at.FPR.Defined() {
		c.MarkFilled(float64(at.FPR), float64(at.TPR), "soft", fmt.Sprintf("soft tissue at the threshold in use: %s, %s", at.FPR.Percent(), at.TPR.Percent()))
	}
	c.Text = strings.Join(parts, "; ") + "."
	return c
}

// rocCorner is the side of the ROC chart's corner that is enlarged.
const rocCorner = 0.2

// reachesCorner reports whether every class's curve passes through the corner: the inset
// would hide curves that do not.
func (r *Result) reachesCorner() bool {
	for _, curve := range r.ROC {
		if len(curve) > 0 && !slices.ContainsFunc(curve, func(p ROCPoint) bool { return p.FPR <= rocCorner/2 && p.TPR >= 1-rocCorner }) {
			return false
		}
	}
	return true
}

// confidenceChart is the paper's figure 4: how many pixels have which confidence.
func (r *Result) confidenceChart(id string) *chart.Chart {
	top := 0.0
	for _, b := range r.Calibration.Histogram {
		top = max(top, ratio(b.Pixels, r.Pixels))
	}
	step := 0.1
	if top > 0.5 {
		step = 0.2
	}
	top = min(1, step*float64(int(top/step)+1))
	c := chart.New(id, "Confidence histogram", chart.Axis{Label: "probability of the chosen class", From: 0.2, To: 1}, chart.Axis{Label: "share of pixels", From: 0, To: top}, 0.2, step)
	for _, b := range r.Calibration.Histogram {
		if b.High > c.X.From+1e-9 {
			v := ratio(b.Pixels, r.Pixels)
			c.Column(max(b.Low, c.X.From), b.High, v, "column", fmt.Sprintf("confidence %.2f to %.2f: %.1f\u00a0%% of pixels", b.Low, b.High, 100*v))
		}
	}
	c.Rule(r.Calibration.MeanConfidence, "confidence", fmt.Sprintf("mean confidence %.1f\u00a0%%", 100*r.Calibration.MeanConfidence))
	c.Rule(r.Accuracy, "accuracy", fmt.Sprintf("accuracy %.1f\u00a0%%", 100*r.Accuracy))
	c.Text = fmt.Sprintf("Mean confidence is %.1f\u00a0%%, accuracy %.1f\u00a0%%: a gap of %s points.", 100*r.Calibration.MeanConfidence, 100*r.Accuracy, signed(r.Calibration.Gap))
	c.Caption = c.Text + " The paper's figure 4."
	return c
}

// reliabilityChart compares confidence and accuracy bin by bin.
func (r *Result) reliabilityChart(id string) *chart.Chart {
	c := chart.New(id, "Reliability", chart.Axis{Label: "probability of the chosen class", From: 0.2, To: 1}, chart.Axis{Label: "accuracy", From: 0, To: 1}, 0.2, 0.2)
	var points [][2]float64
	for _, b := range r.Calibration.Histogram {
		if b.Pixels == 0 || b.High <= c.X.From {
			continue
		}
		c.Column(max(b.Low, c.X.From), b.High, float64(b.Accuracy), "column",
			fmt.Sprintf("confidence %.2f to %.2f: accuracy %.1f\u00a0%%, mean confidence %.1f\u00a0%%", b.Low, b.High, 100*float64(b.Accuracy), 100*float64(b.Confidence)))
		points = append(points, [2]float64{float64(b.Confidence), float64(b.Accuracy)})
	}
	c.Draw("chance", "perfectly calibrated", [][2]float64{{0.2, 0.2}, {1, 1}})
	c.Draw("accuracy", "measured", points)
	c.Text = fmt.Sprintf("Accuracy by confidence. The expected calibration error over %d bins is %.1f\u00a0%%.", r.Calibration.Bins, 100*r.Calibration.Error)
	return c
}

// thresholdChart is section 5.3 of the paper: what a soft-tissue threshold does.
func (r *Result) thresholdChart(id string, chosen float64) *chart.Chart {
	c := chart.New(id, "Soft tissue by threshold", chart.Axis{Label: "threshold on the soft-tissue probability", From: 0, To: 1}, chart.Axis{Label: "rate", From: 0, To: 1}, 0.2, 0.2)
	var tpr, fpr, precision [][2]float64
	for _, p := range r.SoftTissue {
		if p.TPR.Defined() {
			tpr = append(tpr, [2]float64{p.Threshold, float64(p.TPR)})
		}
		if p.FPR.Defined() {
			fpr = append(fpr, [2]float64{p.Threshold, float64(p.FPR)})
		}
		if p.Precision.Defined() {
			precision = append(precision, [2]float64{p.Threshold, float64(p.Precision)})
		}
	}
	c.Draw("soft", "true-positive rate", tpr)
	c.Draw("wrong", "false-positive rate", fpr)
	c.Draw("confidence", "precision", precision)
	at := pointAt(r.SoftTissue, chosen)
	c.Rule(chosen, "chosen", "threshold "+shortThreshold(chosen))
	c.Mark(paperThreshold, paperTPR, "soft", fmt.Sprintf("the paper at %.2f, on its own data: true-positive rate %.0f\u00a0%% with precision %.0f\u00a0%%", paperThreshold, 100*paperTPR, 100*paperPrecision))
	c.Mark(paperThreshold, paperPrecision, "confidence", "")
	c.Text = fmt.Sprintf("At threshold %s the true-positive rate is %s, the false-positive rate %s and the precision %s.", shortThreshold(chosen), at.TPR.Percent(), at.FPR.Percent(), at.Precision.Percent())
	return c
}

// withinChart shows how near the predicted boundaries lie.
func (r *Result) withinChart(id string) *chart.Chart {
	c := chart.New(id, "Boundaries by distance", chart.Axis{Label: "distance, of the picture's longer side", From: 0, To: 0.05}, chart.Axis{Label: "share of boundary within", From: 0, To: 1}, 0.01, 0.2)
	var parts []string
	for k, curve := range r.Within {
		points := make([][2]float64, len(curve))
		for i, p := range curve {
			points[i] = [2]float64{p.Distance, float64(p.Share)}
			if i == 8 { // one per cent
				parts = append(parts, fmt.Sprintf("%s %s", dataset.ClassNames[k], p.Share.Percent()))
			}
		}
		if len(curve) > 0 {
			c.Draw(classStyles[k], dataset.ClassNames[k], points)
		}
	}
	c.Text = "Within 1 % of the picture's longer side lie: " + strings.Join(parts, ", ") + "."
	return c
}

// signed is a difference of shares in percentage points.
func signed(v float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f", 100*v), "-", "−", 1)
}

// shortThreshold has two decimals, or three where the third is not 0.
func shortThreshold(t float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.3f", t), "0")
}
