package model_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

func TestPredictConcurrently(t *testing.T) {
	s := open(t, export(t, lively(model.XNet(2))), model.Options{})
	inputs := [][]float32{noise(1), noise(2), noise(3)}
	var want [][]float32
	for _, x := range inputs {
		p, err := s.Predict(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			p, err := s.Predict(t.Context(), inputs[n%3])
			if err != nil {
				t.Error(err)
			}
			if !slices.Equal(p, want[n%3]) {
				t.Errorf("prediction %d differs from the one made alone", n)
			}
		})
	}
	wg.Wait()
}

func TestPredictRefuses(t *testing.T) {
	s := open(t, export(t, lively(model.XNet(1))), model.Options{Threads: 1})
	for name, spoil := range map[string]func([]float32) []float32{
		"short":        func(x []float32) []float32 { return x[1:] },
		"out of range": func(x []float32) []float32 { x[5] = 1.5; return x },
		"not a number": func(x []float32) []float32 { x[5] = float32(math.NaN()); return x },
	} {
		if _, err := s.Predict(t.Context(), spoil(noise(1))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Predict(ctx, noise(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Predict(t.Context(), noise(1)); err == nil {
		t.Error("a closed model predicted")
	}
}

// A prediction that is cut off at any moment leaves the session usable.
func TestPredictCancelled(t *testing.T) {
	s := open(t, export(t, lively(model.XNet(8))), model.Options{Threads: 1})
	x := noise(1)
	want, err := s.Predict(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := s.Predict(ctx, x)
			done <- err
		}()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("cut off: %v, want context.Canceled", err)
		}
	}
	if got, err := s.Predict(t.Context(), x); err != nil || !slices.Equal(got, want) {
		t.Errorf("after being cut off: %v, or another result", err)
	}
}

func TestIdentity(t *testing.T) {
	b := export(t, lively(model.XNet(1)))
	s := open(t, b, model.Options{Device: ort.Auto})
	if s.Digest() != b.Digest || s.Card().Name != b.Card.Name {
		t.Errorf("session is %s %s, bundle %s %s", s.Card().Name, s.Digest(), b.Card.Name, b.Digest)
	}
	if d := s.Device(); d != ort.CPU && d != ort.CUDA {
		t.Errorf("device %q", d)
	}
	if (s.Device() == ort.CPU) != (s.Fallback() != nil) {
		t.Errorf("device %q with fallback %v", s.Device(), s.Fallback())
	}
}

// benchmarkWidths are some, with -short a narrow one.
func benchmarkWidths(widths ...int) []int {
	if testing.Short() {
		return []int{2}
	}
	return widths
}

// BenchmarkPredict is the latency of one prediction.
func BenchmarkPredict(b *testing.B) {
	for _, width := range benchmarkWidths(16, 32, 64) {
		bundle := export(b, model.XNet(width).Init(1))
		for _, threads := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("width=%d/threads=%d", width, threads), func(b *testing.B) {
				s := open(b, bundle, model.Options{Threads: threads})
				x := noise(1)
				for b.Loop() {
					if _, err := s.Predict(b.Context(), x); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOpen is the time from a bundle's bytes to a tested session.
func BenchmarkOpen(b *testing.B) {
	for _, width := range benchmarkWidths(16, 64) {
		data := export(b, model.XNet(width).Init(1)).Bytes()
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			for b.Loop() {
				bundle, err := model.ParseBundle(data)
				if err != nil {
					b.Fatal(err)
				}
				s, err := model.Open(bundle, model.Options{Device: ort.CPU, Log: quiet})
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}
