package fit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"dicomnode/model"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// data is what a run trains on and validates on.
type data struct {
	train, validation dataset.Samples
	sizes             []int // items trained on, of each of Options.Data
	validated         []Part
}

// Part is the items of a folder that a run validates on.
type Part struct {
	Folder string
	Split  string // "": all
}

// openData chooses the items of o; it reads no picture.
func openData(o Options) (*data, error) {
	d := &data{}
	if o.Target == model.Field {
		d.train.Load, d.validation.Load = (*dataset.Folder).LoadField, (*dataset.Folder).LoadField
	}
	err := d.addTraining(o)
	if err == nil {
		err = d.addValidation(o)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if o.Patience > 0 && d.validation.Len() == 0 {
		return nil, errors.Join(ErrNoValidation, d.Close())
	}
	room := o.Memory << 20 / dataset.SampleBytes
	validation := min(d.validation.Len(), room/2)
	d.validation.Keep(validation)
	d.train.Keep(room - validation)
	return d, nil
}

func (d *data) addTraining(o Options) error {
	for _, dir := range o.Data {
		n, err := add(&d.train, dir, evaluate.Options{Splits: []string{"", dataset.Train}, Exclude: o.Exclude})
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%s has nothing to train on", dir)
		}
		d.sizes = append(d.sizes, n)
	}
	return nil
}

// addValidation chooses what is scored while training: of each folder the items of
// split "val", or all of a folder that has none.
func (d *data) addValidation(o Options) error {
	folders, own := o.Validation, false
	if folders == nil {
		folders, own = o.Data, true
	}
	for _, dir := range folders {
		part := Part{dir, dataset.Validation}
		n, err := add(&d.validation, dir, evaluate.Options{Splits: []string{part.Split}, Exclude: o.Exclude})
		if err == nil && n == 0 && !own {
			part.Split = ""
			n, err = add(&d.validation, dir, evaluate.Options{Exclude: o.Exclude})
		}
		if err != nil {
			return err
		}
		if n > 0 {
			d.validated = append(d.validated, part)
		}
	}
	return nil
}

// add adds the items of a folder that opt chooses and returns their number.
func add(s *dataset.Samples, dir string, opt evaluate.Options) (int, error) {
	f, err := dataset.Open(dir)
	if err != nil {
		return 0, err
	}
	kept, _, err := evaluate.Choose(f, opt)
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	s.Add(f, kept)
	return len(kept), nil
}

// stepsOf is the number of steps that so many passes over n items make.
func stepsOf(epochs float64, n, batch int) int {
	return int(math.Ceil(epochs * float64(n) / float64(batch)))
}

// Close closes the folders.
func (d *data) Close() error { return errors.Join(d.train.Close(), d.validation.Close()) }

// reading is the first pass over a run's data, beside its first steps: it finds
// what cannot be read before a step needs it and makes the digests of the items.
type reading struct {
	cancel  context.CancelFunc
	done    chan struct{} // closed at the end
	digests digests
	err     error
}

// digests name the items trained on and those validated on, as [dataset.Digest].
type digests struct{ train, validation string }

// read starts the pass. progress, which may be nil, is called after each item.
func (d *data) read(ctx context.Context, progress func(done, total int)) *reading {
	ctx, cancel := context.WithCancel(ctx)
	r := &reading{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.digests, r.err = d.pass(ctx, progress)
	}()
	return r
}

func (d *data) pass(ctx context.Context, progress func(done, total int)) (out digests, err error) {
	done, total := 0, d.validation.Len()+d.train.Len()
	count := func() {
		if done++; progress != nil {
			progress(done, total)
		}
	}
	if out.validation, err = digestOf(ctx, &d.validation, count); err == nil {
		out.train, err = digestOf(ctx, &d.train, count)
	}
	return out, err
}

// digestOf reads all of s and calls count after each item.
func digestOf(ctx context.Context, s *dataset.Samples, count func()) (string, error) {
	h := dataset.NewHash()
	for sample, err := range s.All(ctx, runtime.GOMAXPROCS(0)) {
		if err != nil {
			return "", err
		}
		h.Add(sample)
		count()
	}
	return h.Digest(), nil
}

// failed is the error that ended the pass, nil while it runs.
func (r *reading) failed() error {
	select {
	case <-r.done:
		return r.err
	default:
		return nil
	}
}

// wait returns the digests at the end of the pass.
func (r *reading) wait() (digests, error) {
	<-r.done
	return r.digests, r.err
}

// Close ends the pass.
func (r *reading) Close() error {
	r.cancel()
	<-r.done
	return nil
}
