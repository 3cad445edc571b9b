package model

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"dicomnode/model/ort"
)

// each predicts one picture after the other.
func each(predict func([]float32) ([]float32, error)) func([][]float32) ([][]float32, error) {
	return func(xs [][]float32) (out [][]float32, err error) {
		for _, x := range xs {
			p, err := predict(x)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}
}

// onCPU runs the graph of a batch of pictures on the CPU, several in a run where batches is true.
func onCPU(t testing.TB, w Weights, batch int, batches bool) *Session {
	t.Helper()
	s, err := newSession(w.sessionGraph(batch).Model(nil), nil, Options{Device: ort.CPU, Log: slog.New(slog.DiscardHandler)})
	if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.batches = batches
	return s
}

// pictures are n different ones.
func pictures(n int) [][]float32 {
	random := rand.New(rand.NewPCG(7, 8))
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, Size*Size)
		for k := range out[i] {
			out[i][k] = float32(math.Sin(float64(k/Size*(i+1))/30))*0.7 + 0.3*(2*random.Float32()-1)
		}
	}
	return out
}

// Several pictures in a run, as a GPU is given them, have the answers that each has alone; in
// batches of any size, one after the other, in every architecture.
func TestBatch(t *testing.T) {
	for _, name := range Architectures() {
		w := Network{name, 4}.Init(3)
		alone, together := onCPU(t, w, 1, false), onCPU(t, w, anyBatch, true)
		for _, n := range []int{4, 1, 9, 2} {
			xs := pictures(n)
			want, err := alone.Passes(t.Context(), xs)
			if err != nil {
				t.Fatal(err)
			}
			got, err := together.Passes(t.Context(), xs)
			if err != nil || len(got) != n {
				t.Fatalf("%s: %d answers to %d pictures: %v", name, len(got), n, err)
			}
			for i := range got {
				if d := furthest(got[i], want[i]); d > 1e-5 {
					t.Errorf("%s: picture %d of %d differs by %v", name, i, n, d)
				}
				if n > 1 && slices.Equal(got[i], got[(i+1)%n]) {
					t.Errorf("%s: picture %d of %d has its neighbour's answer", name, i, n)
				}
			}
		}
	}
}

func furthest(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}

// The mean over mirror images is the same in one run.
func TestBatchOfMirrors(t *testing.T) {
	w := XNet(4).Init(5)
	var answers [2][]float32
	for i, s := range []*Session{onCPU(t, w, 1, false), onCPU(t, w, anyBatch, true)} {
		s.card.Average = AverageMirrors
		var err error
		if answers[i], err = s.Predict(t.Context(), pictures(1)[0]); err != nil {
			t.Fatal(err)
		}
	}
	if d := furthest(answers[0], answers[1]); d > 1e-5 {
		t.Errorf("differs by %v", d)
	}
}

// BenchmarkBatch compares pictures one after the other with as many in a run.
func BenchmarkBatch(b *testing.B) {
	w := XNet(32).Init(1)
	for _, n := range []int{4, 9} {
		for _, batches := range []bool{false, true} {
			b.Run(fmt.Sprintf("pictures=%d/together=%v", n, batches), func(b *testing.B) {
				batch := 1
				if batches {
					batch = anyBatch
				}
				s, xs := onCPU(b, w, batch, batches), pictures(n)
				for b.Loop() {
					if _, err := s.Passes(b.Context(), xs); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
