package model_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"dicomnode/model"
)

// A bundle in which any one byte is inverted is refused, also where the golden image
// would come out right.
func TestInvertedByte(t *testing.T) {
	needLibrary(t)
	good := bundles(t, 1)[0].Bytes()
	b, err := model.ParseBundle(good)
	if err != nil || !b.Sealed() {
		t.Fatalf("sealed %v, %v", b.Sealed(), err)
	}
	places := []int{0, len(good) / 2}
	for at := len(good) - 90; at < len(good); at++ { // the sum, and what is before it
		places = append(places, at)
	}
	for range 300 {
		places = append(places, rand.IntN(len(good)))
	}
	for _, at := range places {
		bad := bytes.Clone(good)
		bad[at] ^= 0xFF
		if _, err := model.ParseBundle(bad); !errors.Is(err, model.ErrBundle) {
			t.Errorf("byte %d of %d inverted: %v", at, len(good), err)
		}
	}
}

// A bundle of an earlier release has no sum, and is loaded all the same.
func TestBundleWithoutSum(t *testing.T) {
	b, err := model.EmbeddedField()
	if err != nil || b.Sealed() {
		t.Errorf("%v", err)
	}
}
