package model_test

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

var quiet = slog.New(slog.DiscardHandler)

// needLibrary loads ONNX Runtime or skips; REQUIRE_ORT=1 turns the skip into a
// failure.
func needLibrary(t testing.TB) {
	t.Helper()
	err := ort.Find("")
	if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// open runs a bundle on the CPU until the test ends.
func open(t testing.TB, b *model.Bundle, o model.Options) *model.Session {
	t.Helper()
	needLibrary(t)
	o.Log = quiet
	if o.Device == "" {
		o.Device = ort.CPU
	}
	s, err := model.Open(b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
