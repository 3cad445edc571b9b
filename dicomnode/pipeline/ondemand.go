package pipeline

import (
	"context"
	"errors"
	"sync"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
)

// onDemand is a model that is in memory only while it is needed: a node is idle most of the time,
// and hardly sees what the model of trunk and head is for. It is safe for concurrent use.
type onDemand struct {
	open     func() (*model.Session, error) // opens the same model each time, on the same device
	fallback error                          // why it runs on the CPU although CUDA was tried; usually nil

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
// opens it again. On a GPU it stays: opening it takes seconds there.
func (o *onDemand) release() error {
	if !o.using.TryLock() {
		return nil
	}
	defer o.using.Unlock()
	if o.session != nil && o.session.Device() != ort.CPU {
		return nil
	}
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

// Idle gives the memory of p's models back that can be opened again at any time: those in the
// program, and that of trunk and head.
func Idle(p *segment.Pipeline) error {
	models := []segment.Predictor{p.Predictor, p.Field}
	if p.Trunk != nil {
		models = append(models, p.Trunk.Predictor)
	}
	var errs []error
	for _, m := range models {
		if o, ok := m.(*onDemand); ok {
			errs = append(errs, o.release())
		}
	}
	return errors.Join(errs...)
}
