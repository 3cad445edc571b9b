package model_test

import (
	"math"
	"strings"
	"testing"

	"dicomnode/internal/threshold"
	"dicomnode/model"
)

func TestCardCheck(t *testing.T) {
	good := func() model.Card {
		return model.Card{Name: "xnet", Version: "1", Licence: "CC0-1.0"}.Complete(model.XNet(16))
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	card := good()
	card.SoftTissue.ByBodyPart = map[string]float64{"PELVIS": 0.95}
	if table, err := card.SoftTissue.Table(); err != nil || table.At(" pelvis ") != 0.95 || table.At("HAND") != threshold.Default {
		t.Errorf("%v, %v", table, err)
	}
	for name, c := range map[string]struct {
		spoil func(*model.Card)
		want  string
	}{
		"no name":           {func(c *model.Card) { c.Name = "" }, "name"},
		"long version":      {func(c *model.Card) { c.Version = strings.Repeat("1", 65) }, "version"},
		"backslash":         {func(c *model.Card) { c.Name = `a\b` }, "name"},
		"control character": {func(c *model.Card) { c.Name = "a\nb" }, "name"},
		"not UTF-8":         {func(c *model.Card) { c.Name = "a\xff" }, "name"},
		"outer space":       {func(c *model.Card) { c.Version = " 1" }, "version"},
		"architecture":      {func(c *model.Card) { c.Architecture = "unet" }, "architecture"},
		"class order":       {func(c *model.Card) { c.Classes = []string{"bone", "soft tissue", "open beam"} }, "classes"},
		"polarity":          {func(c *model.Card) { c.Input.Polarity = "bone bright" }, "input"},
		"no notice":         {func(c *model.Card) { c.Notice = "" }, "notice"},
		"no licence":        {func(c *model.Card) { c.Licence = "" }, "licence"},
		"threshold":         {func(c *model.Card) { c.SoftTissue.Threshold = 1 }, "threshold"},
		"body part case":    {func(c *model.Card) { c.SoftTissue.ByBodyPart = map[string]float64{"Hand": 0.9} }, "capitals"},
		"body part above 1": {func(c *model.Card) { c.SoftTissue.ByBodyPart = map[string]float64{"HAND": 90} }, "threshold"},
		"chosen nowhere":    {func(c *model.Card) { c.SoftTissue.Chosen = &model.Choice{Weigh: "pixels"} }, "chosen at"},
		"chosen by whim":    {func(c *model.Card) { c.SoftTissue.Chosen = &model.Choice{At: "network"} }, "weighed by"},
		"chosen unrefined":  {func(c *model.Card) { c.SoftTissue.Chosen = &model.Choice{At: "native", Weigh: "pixels"} }, "refinement"},
		"chosen refined": {func(c *model.Card) {
			c.SoftTissue.Chosen = &model.Choice{At: "network", Refine: "none", Weigh: "images"}
		}, "refinement"},
		"chosen for NaN": {func(c *model.Card) {
			c.SoftTissue.Chosen = &model.Choice{At: "network", Weigh: "images", FalsePositiveRate: math.NaN()}
		}, "false-positive rate"},
		"chosen and missed by NaN": {func(c *model.Card) {
			c.SoftTissue.Chosen = &model.Choice{At: "network", Weigh: "images", NotReached: []model.Missed{{Rate: math.NaN()}}}
		}, "reached a rate"},
		"chosen for a precision above 1": {func(c *model.Card) {
			c.SoftTissue.Chosen = &model.Choice{At: "network", Weigh: "images", Precision: 97}
		}, "precision"},
		"chosen twice": {func(c *model.Card) {
			c.SoftTissue.Chosen = &model.Choice{At: "network", Weigh: "images", Precision: 0.97, FalsePositiveRate: 0.03}
		}, "precision"},
		"width out of range": {func(c *model.Card) { c.Width = 129 }, "width"},
	} {
		t.Run(name, func(t *testing.T) {
			card := good()
			c.spoil(&card)
			if err := card.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestExportRefuses(t *testing.T) {
	w := model.XNet(1).Init(1)
	if _, err := model.Export(w, model.Card{Version: "1", Licence: "CC0-1.0"}, ""); err == nil {
		t.Error("a model without a name was exported")
	}
	delete(w.Arrays, model.OutBias)
	if _, err := model.Export(w, model.Card{Name: "x", Version: "1", Licence: "CC0-1.0"}, ""); err == nil {
		t.Error("weights that lack an array were exported")
	}
}
