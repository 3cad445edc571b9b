// Package evaluate scores a network on a labelled data set folder with the figures
// of section 5 of Bullock, Cuesta-Lázaro and Quera-Bofarull, "XNet" (2019):
// accuracy, F1, AUC and confidence per class and weighted, the confusion matrix, ROC
// curves, calibration, and what a threshold does to soft tissue; beyond the paper,
// boundary distances and bootstrap intervals. All is measured at the network's
// 200×200 pixels, again there after refinement, and at the images' own, with the pixels
// of all images pooled; pixels labelled 255 and padding are left out. As in the paper it is the
// network that is scored: exposed field and islands, which the node deals with
// afterwards, play no part. One image is in memory at a time.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"

	"dicomnode/internal/threshold"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
)

// Options chooses what is scored, and how. The zero value scores everything.
type Options struct {
	Exclude    []string              // patterns of ids to leave out, as in path.Match: "*phantom*"
	Splits     []string              // splits to score; none: all
	Workers    int                   // of Load: images loaded at once; 0: one per CPU
	SoftTissue threshold.Table       // soft-tissue probability for Report.Threshold; of images that Trunk predicts, its own
	Chosen     string                // how the thresholds were chosen, for the report
	Guided     *picture.GuidedFilter // refines at native resolution, and for Report.Refined; nil: bilinear interpolation
	Effort     scales.Effort         // of the predictions
	Network    picture.Correction    // of the probabilities at the network's pixels
	Native     picture.Correction    // of those at native resolution, and of Report.Refined
	Resamples  int                   // of the bootstrap; 0: 1000, negative: none
	Seed       uint64                // of the bootstrap and of Report.Sample
	Cases      int                   // images kept for Report.Worst and as many for Report.Sample
	Model      *Model                // for the report
	Progress   func(done, all int)
	// Judge is the quality of the prediction for a picture, as segment.Quality.Figure, by Trunk or
	// not; nil: images have none. Limit is the limit in Report.Flag.
	Judge func(ctx context.Context, p *dataset.Picture, a *scales.Answer, trunk bool) (float64, error)
	Limit float64
	// Trunk is the second model, for images of trunk and head; nil: there is none. Which of the
	// two predicts an image is decided as in a node; the body part is that of the data set.
	Trunk *Trunk
}

// Trunk is a model for images of trunk and head.
type Trunk struct {
	segment.Variant                    // Config has the calibration at native resolution
	Network         picture.Correction // of the probabilities at the network's pixels
	SoftTissue      threshold.Table
	Field           segment.Predictor // of the exposed field, in which the confidence is measured
}

func (o Options) resamples() int {
	if o.Resamples == 0 {
		return 1000
	}
	return o.Resamples
}

// ErrEmpty is returned when nothing is left to score.
var ErrEmpty = errors.New("no labelled pixel to score")

// Run scores predictor p on the folder, at both resolutions.
func Run(ctx context.Context, folder string, p segment.Predictor, opt Options) (*Report, error) {
	f, err := dataset.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	items, excluded, err := Choose(f, opt)
	if err != nil {
		return nil, err
	}
	e := &evaluation{predictor: p, opt: opt, network: newScale(opt), native: newScale(opt), gallery: newGallery(opt),
		spacing: slices.Index(f.ExtraColumns, dataset.SpacingColumn)}
	if opt.Guided != nil {
		e.refined = newScale(opt)
	}
	for i, it := range items {
		if err := e.item(ctx, f, it); err != nil {
			return nil, fmt.Errorf("evaluate %s: %w", folder, err)
		}
		if opt.Progress != nil {
			opt.Progress(i+1, len(items))
		}
	}
	r, err := e.report()
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", folder, err)
	}
	r.Folder, r.Excluded, r.Splits = base(folder), excluded, opt.Splits
	return r, nil
}

// base is the folder's name, without its path, which does not belong in a report.
func base(folder string) string {
	if full, err := filepath.Abs(folder); err == nil {
		folder = full
	}
	return filepath.Base(folder)
}

// Choose lists the items that opt chooses and the ids left out by pattern.
func Choose(f *dataset.Folder, opt Options) (kept []dataset.Item, excluded []string, err error) {
	items, err := dataset.Select(f.Items, opt.Splits, nil)
	if err != nil {
		return nil, nil, err
	}
	kept, err = dataset.Select(items, nil, opt.Exclude)
	return kept, missing(items, kept), err
}

// Load reads the samples that opt chooses, and names those left out by pattern.
func Load(ctx context.Context, folder string, opt Options) (samples []*dataset.Sample, excluded []string, err error) {
	f, err := dataset.Open(folder)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	kept, excluded, err := Choose(f, opt)
	if err != nil {
		return nil, nil, err
	}
	samples, err = f.Preload(ctx, kept, opt.Workers)
	return samples, excluded, err
}

// missing lists the ids of all that are not in kept; both have the same order.
func missing(all, kept []dataset.Item) []string {
	var out []string
	for _, it := range all {
		if len(kept) > 0 && kept[0].ID == it.ID {
			kept = kept[1:]
			continue
		}
		out = append(out, it.ID)
	}
	return out
}

// Measure scores predictor p on samples, at 200×200 only and without intervals.
func Measure(ctx context.Context, samples []*dataset.Sample, p segment.Predictor) (*Report, error) {
	return MeasureAll(ctx, func(yield func(*dataset.Sample, error) bool) {
		for _, s := range samples {
			if !yield(s, nil) {
				return
			}
		}
	}, p)
}

// MeasureAll is Measure on samples that need not be in memory together. It ends
// with the first error among them.
func MeasureAll(ctx context.Context, samples iter.Seq2[*dataset.Sample, error], p segment.Predictor) (*Report, error) {
	opt := Options{Resamples: -1}
	e := &evaluation{predictor: p, opt: opt, network: newScale(opt), limits: opt.SoftTissue}
	for s, err := range samples {
		if err == nil {
			err = e.whole(ctx, s)
		}
		if err != nil {
			return nil, err
		}
	}
	return e.report()
}

// evaluation is one run of Run or Measure.
type evaluation struct {
	predictor       segment.Predictor
	opt             Options
	network, native *scale // native is nil in Measure
	refined         *scale // nil without Options.Guided
	gallery         *gallery
	limits          threshold.Table // soft-tissue probabilities of the model that predicted the image
	spacing         int             // index of dataset.SpacingColumn among the extra columns, −1 without
	x               [dataset.Side * dataset.Side]float32
}

// item scores one item of a folder.
func (e *evaluation) item(ctx context.Context, f *dataset.Folder, it dataset.Item) error {
	spacing, err := e.millimetres(it)
	if err != nil {
		return err
	}
	p, err := f.Load(it)
	if err != nil {
		return err
	}
	s := dataset.NewSample(it, p)
	answer, trunk, err := e.ask(ctx, it, p)
	if err != nil {
		return fmt.Errorf("predict %s: %w", it.ID, err)
	}
	network, native := e.opt.Network, e.opt.Native
	e.limits = e.opt.SoftTissue
	if trunk {
		network, native, e.limits = e.opt.Trunk.Network, e.opt.Trunk.Config.Correction, e.opt.Trunk.SoftTissue
	}
	row := e.sample(e.network, s, answer.Small().Corrected(network).Answer(), spacing)
	e.network.images[len(e.network.images)-1].Trunk = trunk
	if e.opt.Judge != nil {
		if err := e.judge(ctx, p, answer, trunk); err != nil {
			return fmt.Errorf("judge %s: %w", it.ID, err)
		}
	}
	prediction := e.pixels(s, p, answer.Map, native, spacing)
	e.gallery.offer(row, p, prediction)
	return nil
}

// ask predicts an image as the node does. trunk reports whether Options.Trunk was chosen.
func (e *evaluation) ask(ctx context.Context, it dataset.Item, p *dataset.Picture) (a *scales.Answer, trunk bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	pipeline := segment.Pipeline{Predictor: e.predictor, Config: segment.Config{Effort: e.opt.Effort}}
	if t := e.opt.Trunk; t != nil {
		pipeline.Trunk, pipeline.Field = &t.Variant, t.Field
	}
	return pipeline.Predict(ctx, it.BodyPart, p.Pix, p.Rows, p.Cols)
}

// millimetres is the item's spacing, 0 if the data set has none.
func (e *evaluation) millimetres(it dataset.Item) (float64, error) {
	if e.spacing < 0 || it.Extra[e.spacing] == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(it.Extra[e.spacing], 64)
	if err != nil || !(v > 0 && v < 100) {
		return 0, fmt.Errorf("item %s: %s is %q, want millimetres per pixel", it.ID, dataset.SpacingColumn, it.Extra[e.spacing])
	}
	return v, nil
}

// whole predicts s as it is and scores it at 200×200.
func (e *evaluation) whole(ctx context.Context, s *dataset.Sample) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Picture(e.x[:])
	p, err := e.predictor.Predict(ctx, e.x[:])
	if err == nil {
		err = check(p, len(e.x))
	}
	if err != nil {
		return fmt.Errorf("predict %s: %w", s.Item.ID, err)
	}
	e.sample(e.network, s, p, 0)
	return nil
}

// sample scores the answer p about s at 200×200, in one of the two scales there; spacing is
// the image's.
func (e *evaluation) sample(at *scale, s *dataset.Sample, p []float32, spacing float64) Image {
	n := len(e.x)
	prediction := make([]uint8, n)
	at.limit(e.limits.At(s.Item.BodyPart))
	for i, truth := range s.Label {
		prediction[i] = at.image.add(truth, [dataset.Classes]float32{p[i], p[n+i], p[2*n+i]})
	}
	hide(prediction, s.Label)
	scaled := 0.0
	if s.Geo.Height > 0 {
		scaled = spacing * float64(s.Geo.Rows) / float64(s.Geo.Height)
	}
	b := boundaries(s.Label, prediction, dataset.Side, dataset.Side, scaled)
	return at.finish(s.Item, dataset.Side, dataset.Side, b)
}

// check refuses an answer that is not n probabilities of each class.
func check(p []float32, n int) error {
	if len(p) != dataset.Classes*n {
		return fmt.Errorf("%d probabilities, want %d", len(p), dataset.Classes*n)
	}
	for i, v := range p {
		if !(v >= -1e-3 && v <= 1+1e-3) {
			return fmt.Errorf("probability %v of %s at pixel %d", v, dataset.ClassNames[i/n], i%n)
		}
	}
	return nil
}

// hide ignores in prediction what the label ignores.
func hide(prediction, label []uint8) {
	for i, v := range label {
		if v == dataset.Ignore {
			prediction[i] = dataset.Ignore
		}
	}
}

// pixels scores the image at native resolution, with probabilities upsampled as in the node,
// and returns the prediction of every pixel. Refined probabilities are scored at 200×200 too.
func (e *evaluation) pixels(s *dataset.Sample, p *dataset.Picture, answer picture.Map, native picture.Correction, spacing float64) []uint8 {
	up := segment.Config{Guided: e.opt.Guided, Correction: native}.Probabilities(answer, p.Pix, nil)
	if e.refined != nil {
		e.sample(e.refined, s, up.Answer(), spacing)
	}
	buffer := make([]float32, dataset.Classes*p.Cols)
	var row [picture.Classes][]float32
	for k := range row {
		row[k] = buffer[k*p.Cols:][:p.Cols]
	}
	prediction := make([]uint8, len(p.Label))
	e.native.limit(e.limits.At(s.Item.BodyPart))
	for y := range p.Rows {
		up.Row(y, row)
		for x := range p.Cols {
			i := y*p.Cols + x
			prediction[i] = e.native.image.add(p.Label[i], [dataset.Classes]float32{row[0][x], row[1][x], row[2][x]})
		}
	}
	e.native.finish(s.Item, p.Rows, p.Cols, BoundariesOf(p.Label, prediction, p.Rows, p.Cols, spacing))
	return prediction
}

func (e *evaluation) report() (*Report, error) {
	r := &Report{Model: e.opt.Model, Guided: e.opt.Guided, Threshold: e.opt.SoftTissue.General(), Chosen: e.opt.Chosen, Result: e.network.result(e.opt)}
	if r.Pixels == 0 {
		return nil, ErrEmpty
	}
	if e.native != nil {
		native := e.native.result(e.opt)
		r.Native = &native
	}
	if e.refined != nil {
		refined := e.refined.result(e.opt)
		r.Refined = &refined
	}
	if e.gallery != nil {
		r.Worst, r.Sample = e.gallery.worst, e.gallery.sample()
	}
	if t := e.opt.Trunk; t != nil {
		r.Trunk = &Model{Name: t.Model.Name, Version: t.Model.Version, Digest: t.Model.Digest, Device: t.Model.Device}
	}
	if e.opt.Judge != nil {
		r.Flag = flagOf(r.Images, e.opt.Limit)
	}
	return r, nil
}
