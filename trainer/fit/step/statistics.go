package step

import (
	"context"
	"errors"
	"fmt"

	"dicomnode/model/ort"
)

// Statistics measures the batch normalisations' statistics for given
// parameters: the mean over many batches of each batch's mean and variance.
// Running averages kept while training lag behind the parameters, and do not
// belong to averaged parameters at all, so none are kept.
type Statistics struct {
	session           *ort.Session
	p, mean, variance *ort.Tensor
}

// NewStatistics loads the forward pass for pictures of shape s.
func NewStatistics(s Shape, o ort.Options) (*Statistics, error) {
	o.KeepLayout, o.MemPattern = true, false
	session, err := ort.NewSession(statisticsGraph(s), []string{"P", "x"}, []string{"mean", "var"}, o)
	if err != nil {
		return nil, fmt.Errorf("load the statistics pass: %w", err)
	}
	c := &Statistics{session: session}
	var errs [3]error
	c.p, errs[0] = ort.NewTensor(s.Net.NumParameters())
	c.mean, errs[1] = ort.NewTensor(s.Net.NumChannels())
	c.variance, errs[2] = ort.NewTensor(s.Net.NumChannels())
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Measure returns the statistics vector of p (the means of all blocks, then the
// variances, as model.Network.Statistics lists them) over n batches, each of
// which fill puts into b when it is called with 0, 1, ….
func (c *Statistics) Measure(ctx context.Context, p []float32, n int, b *Batch, fill func(i int) error) ([]float32, error) {
	copy(c.p.Data(), p)
	channels := len(c.mean.Data())
	sum := make([]float64, 2*channels)
	for i := range n {
		if err := fill(i); err != nil {
			return nil, err
		}
		if err := c.session.Run(ctx, []*ort.Tensor{c.p, b.X}, []*ort.Tensor{c.mean, c.variance}); err != nil {
			return nil, err
		}
		for i := range channels {
			sum[i] += float64(c.mean.Data()[i])
			sum[channels+i] += float64(c.variance.Data()[i])
		}
	}
	out := make([]float32, len(sum))
	for i, v := range sum {
		out[i] = float32(v / float64(n))
	}
	return out, nil
}

// Close frees the session and its tensors.
func (c *Statistics) Close() error {
	return errors.Join(c.session.Close(), c.p.Close(), c.mean.Close(), c.variance.Close())
}
