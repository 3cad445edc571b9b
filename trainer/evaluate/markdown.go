package evaluate

import (
	"fmt"
	"io"
)

// WriteMarkdown writes the main scores as a table of a README: a row for 200×200, one for
// the refined answer there, and one for native resolution, with the intervals of the accuracy
// and of the recall of soft tissue.
func (r *Report) WriteMarkdown(w io.Writer) error {
	name := "model"
	if r.Model != nil {
		name = r.Model.Name + " " + r.Model.Version
	}
	text := fmt.Sprintf("| %d images | accuracy | F1 open beam | soft tissue | bone | AUC | calibration error | recall of soft tissue at 97 %% precision |\n|---|---|---|---|---|---|---|---|\n", len(r.Images))
	text += r.Result.markdownRow(name + " at 200×200")
	if r.Refined != nil {
		text += r.Refined.markdownRow(name + " at 200×200, refined")
	}
	if r.Native != nil {
		text += r.Native.markdownRow(name + " at native resolution")
	}
	_, err := io.WriteString(w, text)
	return err
}

func (r *Result) markdownRow(name string) string {
	accuracy := fmt.Sprintf("%.3f", r.Accuracy)
	if r.Intervals != nil {
		accuracy += " (" + between(r.Intervals.Of["accuracy"]) + ")"
	}
	found := "–"
	if r.Precise != nil {
		found = r.Precise.TPR.Percent()
		if i, ok := r.intervalOf(preciseTPR); ok {
			found += fmt.Sprintf(" (%.1f–%.1f)", 100*float64(i[0]), 100*float64(i[1]))
		}
	}
	return fmt.Sprintf("| %s | %s | %.3f | %.3f | %.3f | %s | %.3f | %s |\n", name, accuracy, r.Classes[0].F1, r.Classes[1].F1, r.Classes[2].F1,
		r.WeightedAUC.Short(), r.Calibration.Error, found)
}
