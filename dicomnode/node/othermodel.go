package node

import (
	"context"
	"fmt"
	"sync"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/archive"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// otherModel is the pipeline with a model other than the one in use, requested by its digest.
// It stays open for the next image that needs it.
type otherModel struct {
	inProgress *inProgress // the engine's, so that a call that never returns is noticed

	mu       sync.Mutex // held while an image is in progress
	digest   string
	pipeline *segment.Pipeline
	close    func() error
}

// run segments an image with the kept model of that digest. If the model is missing, or
// cannot be run here, retrying is useless.
func (o *otherModel) run(ctx context.Context, c configs.Config, darks *dark.Store, digest string, img *decode.Image) (*segment.Result, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.inProgress.enter()() // opening a model runs its golden image
	if o.digest != digest {
		if err := o.open(c, digest); err != nil {
			return nil, archive.Permanent(fmt.Errorf("segment with model %.12s: %w", digest, err))
		}
	}
	if darks != nil { // nil: dark frames are not enabled
		o.pipeline.Calibration = darks
	}
	return o.pipeline.Run(ctx, img)
}

func (o *otherModel) open(c configs.Config, digest string) error {
	if err := o.end(); err != nil {
		return err
	}
	if _, err := pipeline.ModelStore(c).Kept(digest); err != nil {
		return err
	}
	c.Model.Bundle = pipeline.ModelStore(c).Path(digest)
	p, closeModels, err := pipeline.Open(c)
	if err == nil {
		o.digest, o.pipeline, o.close = digest, p, closeModels
	}
	return err
}

// end closes the model; nobody may be using it.
func (o *otherModel) end() error {
	if o.close == nil {
		return nil
	}
	err := o.close()
	o.digest, o.pipeline, o.close = "", nil, nil
	return err
}

// run segments an image with the model in use, or the one that the job asks for.
func (n *Node) run(ctx context.Context, img *decode.Image) (*segment.Result, error) {
	digest := archive.ModelOf(ctx)
	if digest == "" {
		return n.engine.Run(ctx, img)
	}
	return n.other.run(ctx, *n.config.Load(), n.darks, digest, img)
}
