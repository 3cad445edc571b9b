package evaluate

import (
	"context"
	"fmt"
	"io"

	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
)

// Accuracies at 200×200 from which an image counts as wrong or right for Flag.
const (
	wrongAccuracy = 0.85
	rightAccuracy = 0.93
)

// Flag says how well a limit of the quality separates inaccurate from accurate images: hits are
// WrongBelow of Wrong, false alarms RightBelow of Right.
type Flag struct {
	Limit      float64 `json:"limit"`
	Wrong      int     `json:"wrong"`       // images of less than 85 % accuracy at 200×200
	WrongBelow int     `json:"wrong_below"` // of them, with a quality below the limit
	Right      int     `json:"right"`       // images of more than 93 %
	RightBelow int     `json:"right_below"`
}

// flagOf counts images by accuracy and quality.
func flagOf(images []Image, limit float64) *Flag {
	f := &Flag{Limit: limit}
	for _, i := range images {
		if i.Quality == nil || i.Pixels == 0 {
			continue
		}
		below := 0
		if *i.Quality < limit {
			below = 1
		}
		switch {
		case i.Accuracy < wrongAccuracy:
			f.Wrong, f.WrongBelow = f.Wrong+1, f.WrongBelow+below
		case i.Accuracy > rightAccuracy:
			f.Right, f.RightBelow = f.Right+1, f.RightBelow+below
		}
	}
	return f
}

// judge sets the quality in the row of the last image.
func (e *evaluation) judge(ctx context.Context, p *dataset.Picture, a *scales.Answer, trunk bool) error {
	q, err := e.opt.Judge(ctx, p, a, trunk)
	e.network.images[len(e.network.images)-1].Quality = &q
	return err
}

func (r *Report) writeFlag(w io.Writer) {
	f := r.Flag
	if f == nil {
		return
	}
	fmt.Fprintf(w, "quality below %.3f: %d of %d images with an accuracy below %.2f, %d of %d with one above %.2f\n", f.Limit,
		f.WrongBelow, f.Wrong, wrongAccuracy, f.RightBelow, f.Right, rightAccuracy)
	fmt.Fprintln(w, "image\taccuracy\tquality\t")
	for _, i := range r.Images {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t\n", i.ID, i.Accuracy, *i.Quality)
	}
	fmt.Fprintln(w)
}
