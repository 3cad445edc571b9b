package threshold_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"dicomnode/internal/threshold"
)

func table(t *testing.T, general *float64, parts map[string]float64) threshold.Table {
	t.Helper()
	made, err := threshold.New(general, parts)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Site by body part, site in general, card by body part, card in general, Default.
func TestPrecedence(t *testing.T) {
	card := table(t, new(0.80), map[string]float64{"HAND": 0.81, "PELVIS": 0.82})
	for name, c := range map[string]struct {
		site, card         threshold.Table
		hand, pelvis, knee float64
	}{
		"nothing":        {threshold.Table{}, threshold.Table{}, 0.90, 0.90, 0.90},
		"card":           {threshold.Table{}, card, 0.81, 0.82, 0.80},
		"site's part":    {table(t, nil, map[string]float64{"HAND": 0.71}), card, 0.71, 0.82, 0.80},
		"site":           {table(t, new(0.70), nil), card, 0.70, 0.70, 0.70},
		"site with part": {table(t, new(0.70), map[string]float64{"HAND": 0.71}), card, 0.71, 0.70, 0.70},
		"part, no card":  {table(t, nil, map[string]float64{"HAND": 0.71}), threshold.Table{}, 0.71, 0.90, 0.90},
	} {
		both := c.site.Before(c.card)
		if h, p, k := both.At("HAND"), both.At("PELVIS"), both.At("KNEE"); h != c.hand || p != c.pelvis || k != c.knee {
			t.Errorf("%s: hand %v, pelvis %v, knee %v; want %v, %v, %v", name, h, p, k, c.hand, c.pelvis, c.knee)
		}
	}
	if card.At("HAND") != 0.81 {
		t.Error("Before changed the other table")
	}
}

// A body part means the same however it is spelled, in the table and in an image.
func TestSpelling(t *testing.T) {
	made := table(t, nil, map[string]float64{" Extremity ": 0.7, "LOWER_LEG 1": 0.6})
	for part, want := range map[string]float64{"EXTREMITY": 0.7, "extremity": 0.7, "Extremity ": 0.7, "lower_leg 1": 0.6, "": 0.9, "EXTREMITIES": 0.9} {
		if got := made.At(part); got != want {
			t.Errorf("%q has %v, want %v", part, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		general *float64
		parts   map[string]float64
		part    string
		want    string
	}{
		"zero":         {new(0.0), nil, "", "above 0"},
		"above one":    {new(1.01), nil, "", "above 0"},
		"not a number": {new(math.NaN()), nil, "", "above 0"},
		"part zero":    {nil, map[string]float64{"HAND": 0}, "HAND", "above 0"},
		"twice":        {nil, map[string]float64{"HAND": 0.8, "Hand": 0.9}, "", "same body part"},
		"empty":        {nil, map[string]float64{" ": 0.8}, " ", "0018,0015"},
	} {
		_, err := threshold.New(c.general, c.parts)
		var e *threshold.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || name != "twice" && e.BodyPart != c.part || e.General != (c.general != nil) {
			t.Errorf("%s: %v, want one about %q of %q", name, err, c.want, c.part)
		}
	}
	if one := table(t, new(1.0), nil); one.General() != 1 || !one.Set() || one.ByBodyPart() != nil {
		t.Errorf("a threshold of 1 became %+v", one)
	}
}
