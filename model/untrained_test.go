package model_test

import (
	"flag"
	"os"
	"testing"

	"dicomnode/model"
)

// The flag writes the placeholder that stands in model/embedded until a trained
// bundle replaces it:
//
//	go test ./model -run TestUntrained -untrained embedded/xnet.onnx
var writeUntrained = flag.String("untrained", "", "write an untrained bundle of width 16 to this file")

// untrained makes a bundle whose weights are random.
func untrained(t testing.TB, width int) *model.Bundle {
	t.Helper()
	needLibrary(t)
	b, err := model.Export(model.XNet(width).Init(1), model.Card{
		Name: "xnet-untrained", Version: "0",
		Training: model.Training{Description: "none: random weights, for tests and as a placeholder only", Seed: 1},
		Licence:  "CC0-1.0",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUntrained(t *testing.T) {
	b := untrained(t, 16)
	again := untrained(t, 16)
	if b.Card.Name != again.Card.Name || b.Card.Training.Digest != "" {
		t.Errorf("card %+v claims training data", b.Card)
	}
	if *writeUntrained != "" {
		if err := os.WriteFile(*writeUntrained, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
