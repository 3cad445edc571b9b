package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dicomnode/trainer/dataset"
)

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes the report as tables for people.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	r.writeHead(t)
	r.writeClasses(t)
	r.writeParts(t)
	r.writeImages(t)
	return t.Flush()
}

func (r *Report) writeHead(w io.Writer) {
	fmt.Fprintf(w, "%d images, %d pixels scored\n", len(r.Images), r.Pixels)
	if len(r.Excluded) > 0 {
		fmt.Fprintf(w, "left out: %s\n", strings.Join(r.Excluded, ", "))
	}
	fmt.Fprintf(w, "weighted pixel accuracy %.4f, weighted F1 %.4f\n", r.Accuracy, r.WeightedF1)
	fmt.Fprintf(w, "mean confidence %.4f, expected calibration error %.4f\n\n", r.Calibration.MeanConfidence, r.Calibration.Error)
}

func (r *Report) writeClasses(w io.Writer) {
	fmt.Fprintln(w, "class\tpixels\taccuracy\tprecision\trecall\tF1\tpredicted as open beam\tsoft tissue\tbone\t")
	for k, c := range r.Classes {
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t", c.Name, c.Pixels, c.Accuracy, c.Precision, c.Recall, c.F1)
		for p := range dataset.Classes {
			fmt.Fprintf(w, "%.4f\t", ratio(r.Confusion[k][p], c.Pixels))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func (r *Report) writeParts(w io.Writer) {
	fmt.Fprintln(w, "body part\timages\taccuracy\tF1 open beam\tsoft tissue\tbone\t")
	for _, p := range r.BodyParts {
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t\n", p.Name, p.Images, p.Accuracy, p.Classes[0].F1, p.Classes[1].F1, p.Classes[2].F1)
	}
	fmt.Fprintln(w)
}

func (r *Report) writeImages(w io.Writer) {
	fmt.Fprintln(w, "image\tbody part\taccuracy\tF1 open beam\tsoft tissue\tbone\t")
	for _, i := range r.Images {
		fmt.Fprintf(w, "%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t\n", i.ID, i.BodyPart, i.Accuracy, i.F1[0], i.F1[1], i.F1[2])
	}
}
