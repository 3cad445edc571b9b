package model_test

import (
	"flag"
	"os"
	"testing"

	"dicomnode/model"
)

// The flags write bundles with random weights, the placeholder for model/embedded
// and the fixture of the bundle tests:
//
//	go test ./model -run TestUntrained -untrained embedded/xnet.onnx -width 16
//	go test ./model -run TestUntrained -untrained testdata/xnet-1.onnx -width 1
//	go test ./model -run TestUntrained -untrained testdata/segnet-basic-1.onnx -width 1 -architecture segnet-basic
var (
	writeUntrained = flag.String("untrained", "", "write an untrained bundle to this file")
	untrainedWidth = flag.Int("width", 1, "width of the untrained bundle")
	untrainedKind  = flag.String("architecture", "xnet", "architecture of the untrained bundle")
)

// untrained makes a bundle whose weights are random.
func untrained(t testing.TB, n model.Network) *model.Bundle {
	t.Helper()
	needLibrary(t)
	b, err := model.Export(n.Init(1), model.Card{
		Name: n.Architecture + "-untrained", Version: "0",
		Training: model.Training{Description: "none: random weights, for tests and as a placeholder only", Seed: 1},
		Licence:  "CC0-1.0",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUntrained(t *testing.T) {
	b := untrained(t, model.Network{Architecture: *untrainedKind, Width: *untrainedWidth})
	if b.Card.Training.Digest != "" || len(b.Card.Metrics) != 0 {
		t.Errorf("card %+v claims training", b.Card)
	}
	if *writeUntrained != "" {
		if err := os.WriteFile(*writeUntrained, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
