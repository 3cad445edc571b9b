package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

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
	run     *ort.Session
	batches bool         // a run takes several pictures
	tensor  chan tensors // holds the one set of tensors while nobody predicts
	card    Card
	digest  string
}

// Open loads a bundle into ONNX Runtime and runs its golden image; an error that
// wraps ErrSelfTest means that this machine does not compute what the bundle's
// maker did, and that the model must not be used; one that wraps ErrTarget, that the
// bundle is for something else.
func Open(b *Bundle, o Options) (*Session, error) {
	if b.Card.Target != o.Target {
		return nil, fmt.Errorf("open model %s %s: %w: model predicts %s; %s required", b.Card.Name, b.Card.Version, ErrTarget, b.Card.Target, o.Target)
	}
	w, err := b.Weights()
	if err != nil {
		return nil, fmt.Errorf("open model %s %s: %w", b.Card.Name, b.Card.Version, err)
	}
	s, err := newSession(w.sessionGraph(1).Model(nil), func() []byte { return w.sessionGraph(anyBatch).Model(nil) }, o)
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
	xs := [][]float32{t.input}
	if s.batches { // as pictures are looked at
		xs = append(xs, t.input)
	}
	answers, err := s.passes(ctx, own, xs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSelfTest, err)
	}
	for _, p := range answers {
		err = errors.Join(err, t.compare(p))
	}
	return err
}

// newSession runs a graph of one picture. On a GPU it runs that which batched makes, of any number
// of them; nil: the same.
func newSession(graph []byte, batched func() []byte, o Options) (*Session, error) {
	if err := ort.Find(o.Library); err != nil {
		return nil, err
	}
	// No spinning: on a shared machine threads that spin made predictions slower. No arena: a
	// node is idle most of the time. Without a memory pattern this costs no time; with one,
	// each run would allocate its block again.
	run, err := ort.NewSession(graph, []string{InputName}, []string{OutputName}, ort.Options{
		Device: o.Device, Threads: o.Threads, NoArena: true, OnCUDA: batched, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	s := &Session{run: run, batches: batched != nil && run.Device() == ort.CUDA, tensor: make(chan tensors, 1)}
	s.tensor <- tensors{}
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
		return averageMirrors(x, func(xs [][]float32) ([][]float32, error) { return s.passes(ctx, t, xs) })
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

// Passes is Pass of each of xs: in one run on a GPU, one after the other on a CPU.
func (s *Session) Passes(ctx context.Context, xs [][]float32) ([][]float32, error) {
	for _, x := range xs {
		if err := checkInput(x); err != nil {
			return nil, err
		}
	}
	t, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { s.tensor <- t }()
	return s.passes(ctx, t, xs)
}

// acquire waits for the tensors, which whoever predicts has to give back.
func (s *Session) acquire(ctx context.Context) (tensors, error) {
	select {
	case t := <-s.tensor:
		if t == nil {
			s.tensor <- t
			return t, errors.New("predict: the model is closed")
		}
		return t, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// once runs the network once.
func (s *Session) once(ctx context.Context, t tensors, x []float32) ([]float32, error) {
	p, err := s.passes(ctx, t, [][]float32{x})
	if err != nil {
		return nil, err
	}
	return p[0], nil
}

// passes runs the network on each of xs, on all together where it can.
func (s *Session) passes(ctx context.Context, t tensors, xs [][]float32) ([][]float32, error) {
	var out [][]float32
	size := 1
	if s.batches {
		size = max(1, len(xs))
	}
	for part := range slices.Chunk(xs, size) {
		p, err := s.together(ctx, t, part)
		if err != nil {
			return nil, err
		}
		out = append(out, p...)
	}
	return out, nil
}

// together runs the network once on all of xs.
func (s *Session) together(ctx context.Context, t tensors, xs [][]float32) ([][]float32, error) {
	own, err := t.of(len(xs))
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	for i, x := range xs {
		copy(own.in.Data()[i*Size*Size:], x)
	}
	if err := s.run.Run(ctx, []*ort.Tensor{own.in}, []*ort.Tensor{own.out}); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	out := make([][]float32, len(xs))
	for i := range out {
		p := slices.Clone(own.out.Data()[i*numClasses*Size*Size:][:numClasses*Size*Size])
		if k := firstNotFinite(p); k >= 0 {
			return nil, fmt.Errorf("predict: probability %d is %v", k, p[k])
		}
		out[i] = p
	}
	return out, nil
}

// tensors are the memory of predictions, by the number of pictures; nil: the session is closed.
type tensors map[int]pair

type pair struct{ in, out *ort.Tensor }

// of are those of n pictures.
func (t tensors) of(n int) (pair, error) {
	if p, ok := t[n]; ok {
		return p, nil
	}
	in, err1 := ort.NewTensor(n, 1, Size, Size)
	out, err2 := ort.NewTensor(n, numClasses, Size, Size)
	if err := errors.Join(err1, err2); err != nil {
		return pair{}, errors.Join(err, in.Close(), out.Close())
	}
	t[n] = pair{in, out}
	return t[n], nil
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
	defer func() { s.tensor <- nil }()
	if t == nil {
		return nil
	}
	err := s.run.Close()
	for _, p := range t {
		err = errors.Join(err, p.in.Close(), p.out.Close())
	}
	return err
}
