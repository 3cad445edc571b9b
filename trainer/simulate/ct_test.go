package simulate_test

import (
	"testing"

	"dicomnode/trainer/simulate"
)

// load reads anatomies.
func load(t *testing.T, files ...string) *simulate.Anatomy {
	t.Helper()
	a, err := simulate.LoadAnatomy(files...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
