package pipeline

import (
	"context"
	"errors"
	"sync"

	"dicomnode/model"
	"dicomnode/segment"
)

// onDemand is a model that is in memory only while it is needed: most nodes hardly see what it
// is for. It is safe for concurrent use.
type onDemand struct {
	open func() (*model.Session, error)

	using   sync.RWMutex // held for reading by predictions; session is not changed meanwhile
	session *model.Session
	closed  bool
}

var errClosed = errors.New("the model is closed")

// run calls f with the session, which it opens if necessary.
func (o *onDemand) run(f func(*model.Session) error) error {
	o.using.RLock()
	for o.session == nil {
		o.using.RUnlock()
		if err := o.load(); err != nil {
			return err
		}
		o.using.RLock()
	}
	defer o.using.RUnlock()
	return f(o.session)
}

// load opens the session, if none is open.
func (o *onDemand) load() (err error) {
	o.using.Lock()
	defer o.using.Unlock()
	if o.closed {
		return errClosed
	}
	if o.session == nil {
		o.session, err = o.open()
	}
	return err
}

// Predict implements segment.Predictor.
func (o *onDemand) Predict(ctx context.Context, x []float32) (p []float32, err error) {
	err = o.run(func(s *model.Session) (err error) {
		p, err = s.Predict(ctx, x)
		return err
	})
	return p, err
}

// Pass implements scales.Passer.
func (o *onDemand) Pass(ctx context.Context, x []float32) (p []float32, err error) {
	err = o.run(func(s *model.Session) (err error) {
		p, err = s.Pass(ctx, x)
		return err
	})
	return p, err
}

// Passes implements scales.Batcher.
func (o *onDemand) Passes(ctx context.Context, xs [][]float32) (ps [][]float32, err error) {
	err = o.run(func(s *model.Session) (err error) {
		ps, err = s.Passes(ctx, xs)
		return err
	})
	return ps, err
}

// release gives the memory of the model back, unless it is predicting; the next prediction
// opens it again.
func (o *onDemand) release() error {
	if !o.using.TryLock() {
		return nil
	}
	defer o.using.Unlock()
	return o.drop()
}

// Close waits for predictions in progress; later ones fail.
func (o *onDemand) Close() error {
	o.using.Lock()
	defer o.using.Unlock()
	o.closed = true
	return o.drop()
}

func (o *onDemand) drop() (err error) {
	if o.session != nil {
		err = o.session.Close()
		o.session = nil
	}
	return err
}

// Idle gives the memory of models back that p rarely needs.
func Idle(p *segment.Pipeline) error {
	if p.Trunk == nil {
		return nil
	}
	if o, ok := p.Trunk.Predictor.(*onDemand); ok {
		return o.release()
	}
	return nil
}
