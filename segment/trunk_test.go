package segment_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// band answers soft tissue in the middle and open beam beside it; so do its mirror images.
func band(sure float32) fixed {
	const edge = picture.Side / 4
	return columns(sure, func(x int) bool { return x < edge || x >= picture.Side-edge })
}

// counted is a network with one answer that counts.
type counted struct {
	answer fixed
	asked  *int
}

func (c counted) Predict(ctx context.Context, x []float32) ([]float32, error) {
	*c.asked++
	return append(fixed{}, c.answer...), nil
}

// twoModels is a pipeline with a model in general and one of trunk and head, as sure as general
// and trunk say, and how often each was asked.
func twoModels(effort scales.Effort, general, trunk float32) (p *segment.Pipeline, asked *[2]int) {
	asked = &[2]int{}
	c := segment.Config{Effort: effort}
	return &segment.Pipeline{
		Predictor: counted{band(general), &asked[0]}, Model: segment.Model{Name: "general"}, Config: c,
		Trunk: &segment.Variant{Predictor: counted{band(trunk), &asked[1]}, Model: segment.Model{Name: "trunk"}, Config: c},
	}, asked
}

// Images of trunk and head, and those of which the general model is unsure, are segmented by the
// other model.
func TestModelOfTrunkAndHead(t *testing.T) {
	for name, c := range map[string]struct {
		bodyPart string
		effort   scales.Effort
		general  float32 // its confidence
		want     string
		asked    [2]int
	}{
		"hand":                 {"HAND", scales.Whole, 0.9, "general", [2]int{1, 0}},
		"hand, unsure":         {"HAND", scales.Whole, 0.6, "general", [2]int{1, 0}},
		"thigh, unsure":        {"THIGH", scales.Whole, 0.6, "trunk", [2]int{1, 1}},
		"chest":                {"CHEST", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"in small letters":     {"abdomen", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"shoulder, unsure":     {"SHOULDER", scales.Whole, 0.6, "trunk", [2]int{1, 1}},
		"a device's words":     {"Left HAND_PA", scales.Whole, 0.6, "general", [2]int{1, 0}},
		"head of the radius":   {"Radial head", scales.Whole, 0.6, "general", [2]int{1, 0}},
		"head of the humerus":  {"HUMERAL HEAD", scales.Whole, 0.9, "general", [2]int{1, 0}},
		"the hip":              {"Femoral neck", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"the spine":            {"L SPINE", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"spine, left out":      {"Lumbar AP", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"a device's name":      {"KUB", scales.Whole, 0.9, "trunk", [2]int{0, 1}},
		"no body part":         {"", scales.Whole, 0.9, "general", [2]int{1, 0}},
		"no body part, unsure": {"", scales.Whole, 0.6, "trunk", [2]int{1, 1}},
		"fast":                 {"", scales.Fast, 0.9, "general", [2]int{4, 0}},
		"fast, unsure":         {"", scales.Fast, 0.6, "trunk", [2]int{1, 4}},
		"fast, chest":          {"CHEST", scales.Fast, 0.6, "trunk", [2]int{0, 4}},
		"shoulder":             {"SHOULDER", scales.Whole, 0.9, "general", [2]int{1, 0}},
		"mirrors, unsure":      {"", scales.Mirrors, 0.6, "trunk", [2]int{2, 2}},
		"normal":               {"", scales.Normal, 0.9, "general", [2]int{8, 0}},
		"normal, unsure":       {"", scales.Normal, 0.6, "trunk", [2]int{4, 8}},
	} {
		p, asked := twoModels(c.effort, c.general, 0.8)
		img := ramp(420, 500)
		part, err := dicom.NewElement(tag.BodyPartExamined, []string{c.bodyPart})
		if err != nil {
			t.Fatal(err)
		}
		img.Dataset.Elements = append(img.Dataset.Elements, part)
		res, err := p.Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		if res.Model.Name != c.want || *asked != c.asked {
			t.Errorf("%s: the model %s, asked %v, want %s and %v", name, res.Model.Name, *asked, c.want, c.asked)
		}
		if both := c.asked[0] > 0 && c.asked[1] > 0; strings.Contains(res.Scales, "another model was unsure") != both {
			t.Errorf("%s: parameters %q", name, res.Scales)
		}
		if q := res.Quality; (q.Allowance > 0) != (c.asked[0] == 0) || strings.Contains(q.String(), "allowance") != (q.Allowance > 0) {
			t.Errorf("%s: quality %s, an allowance of %g", name, q, q.Allowance)
		}
		if q := res.Quality; c.effort == scales.Whole && math.Abs(q.Figure-min(q.Confidence+q.Allowance, 1)) > 1e-6 {
			t.Errorf("%s: quality %s", name, q)
		}
	}
}

func TestMayChoose(t *testing.T) {
	for bodyPart, want := range map[string][2]bool{"HAND": {true, false}, "CHEST": {false, true}, "SHOULDER": {true, true}, "": {true, true}} {
		if general, trunk := segment.MayChoose(bodyPart); general != want[0] || trunk != want[1] {
			t.Errorf("%q: general %v, trunk %v", bodyPart, general, trunk)
		}
	}
}

// A model of trunk and head that cannot predict is an error, not a result of the other.
func TestTrunkModelThatFails(t *testing.T) {
	p, _ := twoModels(scales.Whole, 0.6, 0.9)
	p.Trunk.Predictor = failing{}
	if _, err := p.Run(t.Context(), ramp(420, 500)); !errors.Is(err, errFailing) {
		t.Errorf("%v", err)
	}
}

var errFailing = errors.New("no memory")

type failing struct{}

func (failing) Predict(context.Context, []float32) ([]float32, error) { return nil, errFailing }
