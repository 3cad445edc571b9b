package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dicomnode/trainer/dataset"
)

// WriteJSON writes the report as indented JSON, without its pictures.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes the report as tables for people.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	r.writeHead(t)
	r.writeChosen(t)
	r.Result.writeFigures(t, r.Threshold)
	r.writeParts(t)
	r.writeImages(t)
	r.writeFlag(t)
	if r.Refined != nil {
		fmt.Fprintf(t, "\nat %d×%d, refined by guided filtering, %d scored\n", dataset.Side, dataset.Side, r.Refined.Pixels)
		r.Refined.writeFigures(t, r.Threshold)
	}
	if r.Native != nil {
		fmt.Fprintf(t, "\nat native resolution%s, %d scored\n", map[bool]string{true: ", refined by guided filtering"}[r.Guided != nil], r.Native.Pixels)
		r.Native.writeFigures(t, r.Threshold)
	}
	return t.Flush()
}

func (r *Report) writeHead(w io.Writer) {
	if r.Model != nil {
		fmt.Fprintf(w, "%s %s on %s, digest %s\n", r.Model.Name, r.Model.Version, r.Model.Device, r.Model.Digest)
	}
	if t := r.Trunk; t != nil {
		fmt.Fprintf(w, "%s %s, for trunk and head, predicted %d of the images, digest %s\n", t.Name, t.Version, r.byTrunk(), t.Digest)
	}
	fmt.Fprintf(w, "%d images, %d pixels scored at %d×%d\n", len(r.Images), r.Pixels, dataset.Side, dataset.Side)
	if len(r.Excluded) > 0 {
		fmt.Fprintf(w, "left out: %s\n", strings.Join(r.Excluded, ", "))
	}
}

// byTrunk is the number of images that the model of trunk and head predicted.
func (r *Report) byTrunk() (n int) {
	for _, i := range r.Images {
		if i.Trunk {
			n++
		}
	}
	return n
}

func (r *Report) writeChosen(w io.Writer) {
	if r.Chosen != "" {
		fmt.Fprintf(w, "soft-tissue thresholds chosen %s\n", r.Chosen)
	}
}

// writeFigures writes what does not depend on body part and image.
func (r *Result) writeFigures(w io.Writer, threshold float64) {
	fmt.Fprintf(w, "weighted pixel accuracy %.4f, weighted F1 %.4f, weighted AUC %s\n", r.Accuracy, r.WeightedF1, r.WeightedAUC)
	fmt.Fprintf(w, "mean confidence %.4f, expected calibration error %.4f\n", r.Calibration.MeanConfidence, r.Calibration.Error)
	if r.Intervals != nil {
		of := r.Intervals.Of
		fmt.Fprintf(w, "%.0f %% intervals over images: accuracy %s, F1 %s, AUC %s, calibration error %s\n", 100*r.Intervals.Level,
			between(of["accuracy"]), between(of["weighted_f1"]), between(of["weighted_auc"]), between(of["expected_calibration_error"]))
	}
	fmt.Fprintf(w, "mean over images: accuracy %s, weighted F1 %s\n\n", r.ImageMeans.Accuracy, r.ImageMeans.WeightedF1)
	r.writeClasses(w)
	r.writeBoundaries(w)
	r.writeThresholds(w, threshold)
}

// interval is that of a figure, in brackets; "" without one.
func (r *Result) interval(figure string) string {
	i, ok := r.intervalOf(figure)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%.0f %% %s)", 100*r.Intervals.Level, between(i))
}

func (r *Result) intervalOf(figure string) (i [2]Value, ok bool) {
	if r.Intervals != nil {
		i, ok = r.Intervals.Of[figure]
	}
	return i, ok
}

func between(i [2]Value) string { return fmt.Sprintf("%.3f–%.3f", float64(i[0]), float64(i[1])) }

func (r *Result) writeClasses(w io.Writer) {
	fmt.Fprintln(w, "class\tpixels\taccuracy\tprecision\trecall\tF1\tAUC\tconfidence\tpredicted as open beam\tsoft tissue\tbone\t")
	for k, c := range r.Classes {
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%s\t%s\t", c.Name, c.Pixels, c.Accuracy, c.Precision, c.Recall, c.F1, c.AUC, c.Confidence)
		for p := range dataset.Classes {
			fmt.Fprintf(w, "%.4f\t", ratio(r.Confusion[k][p], c.Pixels))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func (r *Result) writeBoundaries(w io.Writer) {
	fmt.Fprintln(w, "boundary of\timages\tmissed\tmean distance (pixels)\t95th percentile\tmean (mm)\t95th percentile\t")
	for _, c := range r.Classes {
		b := c.Boundary
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t\n", c.Name, b.Images, b.Missed, b.Mean.fixed(2), b.P95.fixed(2), b.MeanMM.fixed(2), b.P95MM.fixed(2))
	}
	fmt.Fprintln(w)
}

// tableThresholds are the soft-tissue thresholds shown in tables.
var tableThresholds = []float64{0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}

func (r *Result) writeThresholds(w io.Writer, chosen float64) {
	fmt.Fprintln(w, "soft-tissue threshold\ttrue-positive rate\tfalse-positive rate\tprecision\t")
	for _, p := range r.operatingPoints(chosen) {
		fmt.Fprintf(w, "%.3f\t%s\t%s\t%s\t\n", p.Threshold, p.TPR, p.FPR, p.Precision)
	}
	fmt.Fprintln(w)
	if p := r.Strict; p != nil {
		fmt.Fprintf(w, "false-positive rate ≤ %.0f %% from threshold %.3f: true-positive rate %s\n", 100*strictFPR, p.Threshold, p.TPR)
	}
	if p := r.Precise; p != nil {
		fmt.Fprintf(w, "precision ≥ %.0f %% from threshold %.3f: true-positive rate %s%s\n", 100*paperPrecision, p.Threshold, p.TPR, r.interval(preciseTPR))
	}
	fmt.Fprintf(w, "at the thresholds in use: true-positive rate %s, false-positive rate %s, precision %s\n", r.Operating.TPR, r.Operating.FPR, r.Operating.Precision)
	fmt.Fprintf(w, "the same, mean over images: true-positive rate %s, false-positive rate %s\n\n", r.ImageMeans.TPR, r.ImageMeans.FPR)
}

// operatingPoints are those of tableThresholds and of the chosen one, in order.
func (r *Result) operatingPoints(chosen float64) []OperatingPoint {
	var out []OperatingPoint
	done := false
	for _, t := range tableThresholds {
		if !done && chosen <= t {
			done = true
			if chosen < t {
				out = append(out, pointAt(r.SoftTissue, chosen))
			}
		}
		out = append(out, pointAt(r.SoftTissue, t))
	}
	return out
}

func (r *Report) writeParts(w io.Writer) {
	fmt.Fprintln(w, "body part\timages\taccuracy\tF1 open beam\tsoft tissue\tbone\tAUC\tcalibration error\t")
	for _, p := range r.BodyParts {
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%s\t%.4f\t\n", p.Name, p.Images, p.Accuracy,
			p.Classes[0].F1, p.Classes[1].F1, p.Classes[2].F1, p.WeightedAUC, p.Calibration.Error)
	}
	fmt.Fprintln(w)
}

func (r *Report) writeImages(w io.Writer) {
	fmt.Fprintln(w, "image\tbody part\taccuracy\tF1 open beam\tsoft tissue\tbone\tcalibration error\tbone boundary (pixels)\t")
	for _, i := range r.Images {
		fmt.Fprintf(w, "%s\t%s\t%.4f\t%s\t%s\t%s\t%.4f\t%s\t\n", i.ID, i.BodyPart, i.Accuracy, i.F1[0], i.F1[1], i.F1[2],
			i.Calibration, i.Boundaries[dataset.Bone].Mean.fixed(2))
	}
}
