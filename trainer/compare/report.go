package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Caveat is said wherever McNemar's test is.
const Caveat = "McNemar's test takes pixels as independent; those of one image are not, so its p is too small: judge by the interval and the images"

// Report is a comparison. The JSON has it all but Pictures.
type Report struct {
	Folder     string    `json:"folder,omitempty"`
	Images     int       `json:"images"`
	Native     bool      `json:"native,omitempty"`   // measured at native resolution, by Refine
	Excluded   []string  `json:"excluded,omitempty"` // ids left out by request
	Seed       uint64    `json:"seed"`
	Resamples  int       `json:"resamples"`
	Confidence float64   `json:"confidence"` // of the intervals
	Caveat     string    `json:"caveat"`
	Rows       []Row     `json:"rows"`
	Pictures   []Picture `json:"-"`
}

// Row is one entry's line of the table.
type Row struct {
	Identity
	evaluate.Summary
	Seconds float64 `json:"seconds_per_image"` // median
	// Boundary is the mean distance between labelled and predicted boundary of each
	// class, in two-hundredths of the image's longer side (pixels of the network), as a
	// mean over images that have both; only of Refine.
	Boundary   []evaluate.Value `json:"boundary,omitempty"`
	Difference *Difference      `json:"to_first,omitempty"` // nil for the first entry
	PerImage   []ImageRow       `json:"per_image"`
}

// Difference compares an entry with the first one.
type Difference struct {
	Accuracy   *Interval `json:"accuracy,omitempty"`    // nil with one image
	WeightedF1 *Interval `json:"weighted_f1,omitempty"` // the same
	// Boundary is of the mean distances in Row.Boundary; nil where no image has one.
	Boundary []*Interval `json:"boundary,omitempty"`
	Images   SignTest    `json:"images"`
	McNemar  McNemar     `json:"mcnemar"`
}

// ImageRow is one image's figures.
type ImageRow struct {
	ID       string                   `json:"id"`
	Accuracy float64                  `json:"accuracy"`
	F1       [dataset.Classes]float64 `json:"f1"`
}

// Picture is a sample with what every entry made of it.
type Picture struct {
	Sample  *dataset.Sample
	Classes [][]uint8 // per entry, Side×Side
}

func (c *comparison) report() *Report {
	r := &Report{Images: len(c.samples), Seed: c.opt.Seed, Resamples: c.opt.Resamples, Confidence: confidence, Caveat: Caveat}
	for i, s := range c.samples[:min(c.opt.Keep, len(c.samples))] {
		p := Picture{Sample: s}
		for _, run := range c.runs {
			p.Classes = append(p.Classes, run.kept[i])
		}
		r.Pictures = append(r.Pictures, p)
	}
	for k, run := range c.runs {
		row := c.row(run)
		if k > 0 {
			row.Difference = c.difference(run)
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

func (c *comparison) row(run run) Row {
	row := Row{Identity: run.Identity, Seconds: medianOf(run.seconds)}
	var sum evaluate.Confusion
	for i, confusion := range run.confusion {
		sum.Add(confusion)
		s := evaluate.Summarise(confusion)
		image := ImageRow{ID: c.samples[i].Item.ID, Accuracy: float64(s.Accuracy)}
		for k := range image.F1 {
			image.F1[k] = float64(s.Classes[k].F1)
		}
		row.PerImage = append(row.PerImage, image)
	}
	row.Summary = evaluate.Summarise(sum)
	if run.distances != nil {
		row.Boundary = meanDistances(run.distances)
	}
	return row
}

func (c *comparison) difference(run run) *Difference {
	first := c.runs[0]
	d := &Difference{Images: signTest(first.confusion, run.confusion), McNemar: run.pixels.mcnemar()}
	if len(first.confusion) < 2 {
		return d
	}
	figures := bootstrap(len(first.confusion), c.opt.Seed, c.opt.Resamples, func(draw []int) []float64 {
		accuracy, f1 := difference(first.confusion, run.confusion, draw)
		return append([]float64{accuracy, f1}, nearer(first.distances, run.distances, draw)...)
	})
	d.Accuracy, d.WeightedF1, d.Boundary = figures[0], figures[1], figures[2:]
	return d
}

func medianOf(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return raster.Between(v, 0.5)
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes the report as tables for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d images, %d pixels scored%s\n", r.Images, r.Rows[0].Pixels, map[bool]string{true: ", the images' own"}[r.Native])
	if len(r.Excluded) > 0 {
		fmt.Fprintf(&b, "left out: %s\n", strings.Join(r.Excluded, ", "))
	}
	b.WriteByte('\n')
	r.writeFigures(&b)
	r.writeDifferences(&b)
	r.writeBoundaries(&b)
	if err := r.writeNotes(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (r *Report) writeFigures(w io.Writer) {
	t := newTable(w)
	fmt.Fprintln(t, "\taccuracy\tweighted F1\tF1 open beam\tsoft tissue\tbone\ts/image\t")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t", row.Name, row.Accuracy, row.WeightedF1)
		for _, c := range row.Classes {
			fmt.Fprintf(t, "%.4f\t", c.F1)
		}
		fmt.Fprintf(t, "%.4f\t\n", row.Seconds)
	}
	fmt.Fprintln(t)
	_ = t.Flush() // into a strings.Builder
}

func (r *Report) writeDifferences(w io.Writer) {
	if len(r.Rows) < 2 {
		return
	}
	t := newTable(w)
	fmt.Fprintf(t, "against %s\taccuracy\t%.0f %%\tweighted F1\t%.0f %%\tbetter on\tp\tMcNemar χ²\tp\t\n", r.Rows[0].Name, 100*r.Confidence, 100*r.Confidence)
	for _, row := range r.Rows[1:] {
		d := row.Difference
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%s\t%.0f\t%s\t\n", row.Name, d.Accuracy, d.WeightedF1,
			d.Images.Better, r.Images, probability(d.Images.P), d.McNemar.ChiSquare, probability(d.McNemar.P))
	}
	fmt.Fprintln(t)
	_ = t.Flush() // into a strings.Builder
}

// probability writes p; less than a float64 holds is not 0.
func probability(p float64) string {
	if p < 1e-300 {
		return "< 1e-300"
	}
	return fmt.Sprintf("%.2g", p)
}

// String is the value and the interval, apart by a tab; dashes where there is none.
func (i *Interval) String() string {
	if i == nil {
		return "–\t–"
	}
	return fmt.Sprintf("%+.4f\t%+.4f to %+.4f", i.Value, i.Low, i.High)
}

func (r *Report) writeNotes(w io.Writer) error {
	if len(r.Rows) > 1 {
		fmt.Fprintf(w, "%.0f %%: paired bootstrap over images, %d resamples, seed %d; better on: images, with the p of a sign test.\n%s.\n",
			100*r.Confidence, r.Resamples, r.Seed, Caveat)
	}
	for _, row := range r.Rows {
		if m := row.Model; m != nil {
			fmt.Fprintf(w, "%s: %s %s, digest %s, on %s\n", row.Name, m.Name, m.Version, m.Digest, m.Device)
		}
		if row.Parameters != nil {
			p, err := json.Marshal(row.Parameters)
			if err != nil {
				return fmt.Errorf("write parameters of %s: %w", row.Name, err)
			}
			fmt.Fprintf(w, "%s: %s\n", row.Name, p)
		}
	}
	return nil
}
