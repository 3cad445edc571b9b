// Package exporttest has what tests of exports share.
package exporttest

import (
	"errors"
	"os"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
)

// Pipeline is the program's own models, as an export uses them, with a configuration. Without
// ONNX Runtime the test is skipped, unless REQUIRE_ORT is set.
func Pipeline(t testing.TB, c segment.Config) *segment.Pipeline {
	t.Helper()
	open := func(b *model.Bundle, target model.Target, err error) *model.Session {
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.Open(b, model.Options{Target: target, Device: "cpu"})
		if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	regions, err := model.Embedded()
	p := &segment.Pipeline{Predictor: open(regions, model.Regions, err), Config: c}
	field, err := model.EmbeddedField()
	p.Field = open(field, model.Field, err)
	return p
}
