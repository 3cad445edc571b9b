package evaluate

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"dicomnode/trainer/chart"
	"dicomnode/trainer/dataset"
)

//go:embed report.html.tmpl
var pageText string

//go:embed report.css
var styleSheet string

// pageTemplate is the report's page. It refers to nothing outside itself.
var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent":    func(v float64) string { return Value(v).Percent() },
	"fixed":      func(decimals int, v float64) string { return Value(v).fixed(decimals) },
	"number":     grouped,
	"threshold":  shortThreshold,
	"percentage": func(v float64) float64 { return math.Round(1000*v) / 10 },
	"points": func(v Value) string {
		if !v.Defined() {
			return v.String()
		}
		return signed(float64(v))
	},
}).Parse(chart.Templates + pageText))

// pageImages bounds the rows of the table of images.
const pageImages = 200

// page is what the template is given.
type page struct {
	*Report
	Style   template.CSS
	Classes [dataset.Classes]string
	Views   []view
	Worst   []casePicture
	Sample  []casePicture
	Images  []imageRow // the worst first
	More    int        // images that are not in Images
	Paper   paperTable
}

// view is one resolution.
type view struct {
	ID, Name, Text string
	*Result
	Threshold               float64
	Cells                   [dataset.Classes][dataset.Classes]cell
	ROC                     *chart.Chart
	Confidence, Reliability *chart.Chart
	Thresholds, Within      *chart.Chart
	Points                  []OperatingPoint
	HasMillimetres          bool
	Several                 bool // body parts have thresholds of their own
}

// cell is one of the normalised confusion matrix.
type cell struct {
	Share  Value
	Pixels int64
}

// Weight is the cell's share, 0 when the row is empty.
func (c cell) Weight() float64 {
	if !c.Share.Defined() {
		return 0
	}
	return float64(c.Share)
}

// casePicture is a case with its pictures.
type casePicture struct {
	Case
	Pictures []panel
}

type panel struct {
	Name, Text string
	Source     template.URL
}

// WriteHTML writes the report as one self-contained page: charts are inline SVG, pictures data
// URIs. It contains pictures of the data set.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{Report: r, Style: template.CSS(chart.Style + styleSheet), Classes: dataset.ClassNames, Paper: paper} // our own style sheet
	p.Views = append(p.Views, viewOf("network", "At the network's resolution",
		fmt.Sprintf("%d×%d pixels: what the network itself sees and answers, and the figures that the paper reports.", dataset.Side, dataset.Side), &r.Result, r.Threshold))
	if r.Refined != nil {
		p.Views = append(p.Views, viewOf("refined", "At the network's resolution, refined",
			"Probabilities refined by guided filtering as in the node's masks, averaged over the network's pixels. Images weigh alike.", r.Refined, r.Threshold))
	}
	if r.Native != nil {
		how := "bilinearly"
		if r.Guided != nil {
			how = "and refined by guided filtering"
		}
		p.Views = append(p.Views, viewOf("native", "At native resolution",
			"Probabilities upsampled to each image's native resolution "+how+". Large images weigh more here.", r.Native, r.Threshold))
	}
	p.Images, p.More = r.rows()
	var err error
	if p.Worst, err = picturesOf(r.Worst); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if len(r.Worst) < len(r.Result.Images) { // otherwise all have been shown
		if p.Sample, err = picturesOf(r.Sample); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return pageTemplate.Execute(w, p)
}

// imageRow is an image at both resolutions; Native is nil when there is one.
type imageRow struct {
	Image
	Native *Image
}

// rows are the images with the lowest accuracy, and the number of the others.
func (r *Report) rows() (rows []imageRow, more int) {
	for i, img := range r.Result.Images {
		row := imageRow{Image: img}
		if r.Native != nil {
			row.Native = &r.Native.Images[i]
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b imageRow) int { return cmp.Compare(a.Accuracy, b.Accuracy) })
	more = max(0, len(rows)-pageImages)
	return rows[:len(rows)-more], more
}

func viewOf(id, name, text string, r *Result, threshold float64) view {
	v := view{ID: id, Name: name, Text: text, Result: r, Threshold: threshold, Points: r.operatingPoints(threshold),
		ROC:        r.rocChart(id + "-roc"),
		Confidence: r.confidenceChart(id + "-confidence"), Reliability: r.reliabilityChart(id + "-reliability"),
		Thresholds: r.thresholdChart(id+"-thresholds", threshold), Within: r.withinChart(id + "-within")}
	for _, b := range r.BodyParts {
		v.Several = v.Several || b.Operating.Threshold != threshold
	}
	for t := range v.Cells {
		for p, n := range r.Confusion[t] {
			s := share(n, r.Classes[t].Pixels)
			v.Cells[t][p] = cell{s, n}
		}
		v.HasMillimetres = v.HasMillimetres || r.Classes[t].Boundary.MeanMM.Defined()
	}
	return v
}

// Interval is a figure's interval in per cent or, with decimals, as it is.
func (v view) Interval(name string, decimals int) string {
	if v.Intervals == nil {
		return ""
	}
	i, ok := v.Intervals.Of[name]
	if !ok {
		return ""
	}
	if decimals == 0 {
		return fmt.Sprintf("%.1f–%.1f\u00a0%%", 100*float64(i[0]), 100*float64(i[1]))
	}
	return fmt.Sprintf("%.*f–%.*f", decimals, float64(i[0]), decimals, float64(i[1]))
}

func picturesOf(cases []Case) ([]casePicture, error) {
	var out []casePicture
	for _, c := range cases {
		p := casePicture{Case: c}
		for _, x := range []struct {
			name, text string
			make       func() (template.URL, error)
		}{
			{"picture", "radiograph", c.greyPicture},
			{"label", "label in three colours", func() (template.URL, error) { return c.classPicture(c.Label) }},
			{"prediction", "prediction in three colours", func() (template.URL, error) { return c.classPicture(c.Prediction) }},
			{"errors", "radiograph with wrongly classified pixels in red", c.errorPicture},
		} {
			source, err := x.make()
			if err != nil {
				return nil, err
			}
			p.Pictures = append(p.Pictures, panel{x.name, fmt.Sprintf("%s: %s", c.ID, x.text), source})
		}
		out = append(out, p)
	}
	return out, nil
}

// paperTable is table 2 of the paper; the last row is the weighted average.
type paperTable [dataset.Classes + 1]struct{ F1, AUC, Precision, Confidence float64 }

// paper: what its table calls accuracy of a class can only be precision. Soft tissue
// has F1 0.87 and, in figure 2a, recall 82 %, from which precision 0.93 follows.
var paper = paperTable{{0.97, 1.00, 0.96, 0.99}, {0.87, 0.97, 0.94, 0.95}, {0.90, 0.97, 0.88, 0.97}, {0.92, 0.98, 0.92, 0.97}}

// grouped is n with thin spaces between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
