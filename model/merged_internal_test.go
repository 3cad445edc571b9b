package model

import (
	"errors"
	"log/slog"
	"testing"

	"dicomnode/model/ort"
)

// BenchmarkMerged compares the graph that sessions run with the bundle's.
func BenchmarkMerged(b *testing.B) {
	w := XNet(16).Init(1)
	for name, graph := range map[string][]byte{"bundle": w.graph().Model(nil), "session": w.sessionGraph(1).Model(nil)} {
		b.Run(name, func(b *testing.B) {
			s, err := newSession(graph, nil, Options{Device: ort.CPU, Log: slog.New(slog.DiscardHandler)})
			if errors.Is(err, ort.ErrNoLibrary) {
				b.Skip(err)
			}
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			x := make([]float32, Size*Size)
			for b.Loop() {
				if _, err := s.Predict(b.Context(), x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
