package compare

import (
	"context"
	"errors"

	"dicomnode/trainer/dataset"
)

// Trial compares a candidate with the model in use, at the network's 200×200.
type Trial struct {
	Images    int      `json:"images"`
	Digest    string   `json:"data"` // dataset.Digest of the images
	InUse     Row      `json:"in_use"`
	Candidate Row      `json:"candidate"` // its Difference is to InUse
	Accuracy  Interval `json:"accuracy"`  // the candidate's minus that in use, with its bootstrap interval over images
}

// ErrTooFew is returned for a trial on fewer than two images: there is no interval.
var ErrTooFew = errors.New("a trial needs two labelled images at least")

// Try runs both on the samples.
func Try(ctx context.Context, samples []*dataset.Sample, inUse, candidate Entry, opt Options) (*Trial, error) {
	r, err := Run(ctx, samples, []Entry{inUse, candidate}, opt)
	if err != nil {
		return nil, err
	}
	t := &Trial{Images: r.Images, Digest: dataset.Digest(samples), InUse: r.Rows[0], Candidate: r.Rows[1]}
	difference := t.Candidate.Difference
	if difference == nil || difference.Accuracy == nil {
		return nil, ErrTooFew
	}
	t.Accuracy = *difference.Accuracy
	return t, nil
}

// Worse reports whether the candidate is significantly worse: the whole interval of the
// difference is below 0.
func (t *Trial) Worse() bool { return t.Accuracy.High < 0 }
