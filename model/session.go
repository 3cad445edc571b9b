package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"dicomnode/model/ort"
)

// Options configure how a bundle is run. The zero value uses CUDA if it loads, otherwise the
// CPU with every core, searches the usual places for the library, and requires a model of
// regions.
type Options struct {
	Target  Target       // that the bundle must have
	Device  string       // "auto" (default), "cpu" or "cuda"
	Library string       // the ONNX Runtime library or its folder; empty searches for it, see ort.Library
	Threads int          // of one prediction; 0 is one per core
	Log     *slog.Logger // gets the reason why CUDA is not used, as Fallback; nil discards it
}

// Session is a model ready to predict. It is safe for concurrent use.
type Session struct {
	run    *ort.Session
	tensor chan tensors // holds the single set of tensors between predictions
	card   Card
	digest string
}

// tensors are the memory of one prediction.
type tensors struct{ in, out *ort.Tensor }

// Open loads a bundle into ONNX Runtime and runs its golden image. An error that wraps
// ErrSelfTest means that the model must not be used on this machine; one that wraps ErrTarget
// means that the bundle has another target.
func Open(b *Bundle, o Options) (*Session, error) {
	if b.Card.Target != o.Target {
		return nil, fmt.Errorf("open model %s %s: %w: model predicts %s; %s required", b.Card.Name, b.Card.Version, ErrTarget, b.Card.Target, o.Target)
	}
	w, err := b.Weights()
	if err != nil {
		return nil, fmt.Errorf("open model %s %s: %w", b.Card.Name, b.Card.Version, err)
	}
	s, err := newSession(w.sessionGraph().Model(nil), o)
	if err != nil {
		return nil, fmt.Errorf("open model %s %s: %w", b.Card.Name, b.Card.Version, err)
	}
	s.card, s.digest = b.Card, b.Digest
	if err := s.selfTest(b.test); err != nil {
		return nil, errors.Join(fmt.Errorf("open model %s %s on %s: %w", b.Card.Name, b.Card.Version, s.Device(), err), s.Close())
	}
	return s, nil
}

func (s *Session) selfTest(t selfTest) error {
	ctx := context.Background()
	own, err := s.acquire(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSelfTest, err)
	}
	defer func() { s.tensor <- own }()
	p, err := s.once(ctx, own, t.input)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSelfTest, err)
	}
	return t.compare(p)
}

func newSession(graph []byte, o Options) (*Session, error) {
	if err := ort.Find(o.Library); err != nil {
		return nil, err
	}
	// No spinning: on a shared machine threads that spin made predictions slower. No arena: a
	// node is idle most of the time. Without a memory pattern this costs no time; with one,
	// each run would allocate its block again.
	run, err := ort.NewSession(graph, []string{InputName}, []string{OutputName}, ort.Options{
		Device: o.Device, Threads: o.Threads, NoArena: true, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	s := &Session{run: run, tensor: make(chan tensors, 1)}
	in, err1 := ort.NewTensor(1, 1, Size, Size)
	out, err2 := ort.NewTensor(1, numClasses, Size, Size)
	if err := errors.Join(err1, err2); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close(), run.Close())
	}
	s.tensor <- tensors{in, out}
	return s, nil
}

// Predict runs the network on x, 1×1×200×200 float32 in [−1, 1] (open beam
// bright, bone dark), and returns 1×3×200×200 probabilities of the card's classes,
// averaged as it says. Predictions run one at a time, each
// on all threads; a call waits for its turn or for ctx to end.
func (s *Session) Predict(ctx context.Context, x []float32) ([]float32, error) {
	if err := checkInput(x); err != nil {
		return nil, err
	}
	t, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { s.tensor <- t }()
	if s.card.Average == AverageMirrors {
		return averageMirrors(x, func(x []float32) ([]float32, error) { return s.once(ctx, t, x) })
	}
	return s.once(ctx, t, x)
}

// Pass is Predict of x alone, without averaging, regardless of the card.
func (s *Session) Pass(ctx context.Context, x []float32) ([]float32, error) {
	if err := checkInput(x); err != nil {
		return nil, err
	}
	t, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { s.tensor <- t }()
	return s.once(ctx, t, x)
}

// acquire waits for the tensors; the caller must release them.
func (s *Session) acquire(ctx context.Context) (tensors, error) {
	select {
	case t := <-s.tensor:
		if t.in == nil {
			s.tensor <- t
			return t, errors.New("predict: the model is closed")
		}
		return t, nil
	case <-ctx.Done():
		return tensors{}, ctx.Err()
	}
}

// once runs the network once.
func (s *Session) once(ctx context.Context, t tensors, x []float32) ([]float32, error) {
	copy(t.in.Data(), x)
	if err := s.run.Run(ctx, []*ort.Tensor{t.in}, []*ort.Tensor{t.out}); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	p := append([]float32(nil), t.out.Data()...)
	if i := firstNotFinite(p); i >= 0 {
		return nil, fmt.Errorf("predict: probability %d is %v", i, p[i])
	}
	return p, nil
}

func checkInput(x []float32) error {
	if len(x) != Size*Size {
		return fmt.Errorf("predict: %d values, want %d", len(x), Size*Size)
	}
	for i, v := range x {
		if !(v >= -1 && v <= 1) {
			return fmt.Errorf("predict: value %d is %v, outside [-1, 1]", i, v)
		}
	}
	return nil
}

// Device is where the model runs: "cpu" or "cuda".
func (s *Session) Device() string { return s.run.Device() }

// Fallback is why a session opened with device "auto" runs on the CPU.
func (s *Session) Fallback() error { return s.run.Fallback() }

// Card is the card of the bundle.
func (s *Session) Card() Card { return s.card }

// Digest is the SHA-256 of the bundle, in hexadecimal.
func (s *Session) Digest() string { return s.digest }

// Close waits for the prediction in progress and frees the model. Later predictions return an
// error.
func (s *Session) Close() error {
	t := <-s.tensor
	defer func() { s.tensor <- tensors{} }()
	if t.in == nil {
		return nil
	}
	return errors.Join(t.in.Close(), t.out.Close(), s.run.Close())
}
