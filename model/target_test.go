package model_test

import (
	"errors"
	"strings"
	"testing"

	"dicomnode/model"
)

func fieldBundle(t *testing.T) *model.Bundle {
	t.Helper()
	needLibrary(t)
	b, err := model.Export(model.XNet(1).Init(1), model.Card{Name: "field", Version: "1", Licence: "none", Target: model.Field}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A model of the exposed field never opens where one of regions is wanted, nor the other
// way round.
func TestOpenWantsTheTarget(t *testing.T) {
	regions, field := bundles(t, 1)[0], fieldBundle(t)
	for _, c := range []struct {
		bundle *model.Bundle
		want   model.Target
		ok     bool
	}{{regions, model.Regions, true}, {regions, model.Field, false}, {field, model.Regions, false}, {field, model.Field, true}} {
		s, err := model.Open(c.bundle, model.Options{Target: c.want, Device: "cpu", Threads: 1})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, model.ErrTarget) {
			t.Errorf("open a model of %s as one of %s: %v", c.bundle.Card.Target, c.want, err)
		}
		if s != nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPublishRefusesAField(t *testing.T) {
	store := model.Store{Dir: t.TempDir()}
	if err := store.Publish(fieldBundle(t)); !errors.Is(err, model.ErrTarget) {
		t.Errorf("%v, want %v", err, model.ErrTarget)
	}
	wantCurrent(t, store, nil)
}

func TestCardOfAField(t *testing.T) {
	good := model.Card{Name: "field", Version: "1", Licence: "none", Target: model.Field}.Complete(model.XNet(8))
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*model.Card){
		"unknown target":   func(c *model.Card) { c.Target = "lungs" },
		"another's target": func(c *model.Card) { c.Target = model.Regions },
		"another's class":  func(c *model.Card) { c.Classes = model.Regions.Classes() },
		"a threshold":      func(c *model.Card) { c.SoftTissue.Threshold = 0.9 },
	} {
		c := good
		if spoil(&c); c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What the program carries is what it opens it for.
func TestEmbeddedTargets(t *testing.T) {
	regions, err := model.Embedded()
	if err != nil || regions.Card.Target != model.Regions {
		t.Errorf("%v, %v", regions.Card.Target, err)
	}
	field, err := model.EmbeddedField()
	if err != nil || field.Card.Target != model.Field || field.Card.Training.Digest == "" {
		t.Errorf("%v, %v", field.Card.Target, err)
	}
	if !strings.Contains(strings.Join(field.Card.Classes, ","), "unexposed") {
		t.Errorf("classes %v", field.Card.Classes)
	}
	const weights = 24_000_000 // what the repository allows the two of them together
	if n := len(regions.Bytes()) + len(field.Bytes()); n > weights {
		t.Errorf("the embedded models are %d bytes, more than %d", n, weights)
	}
}
