package inspect

import (
	"slices"
	"testing"
)

// An image of the trunk has its results from the model of trunk and head, if there is one.
func TestModelsOfBodyParts(t *testing.T) {
	for _, c := range []struct {
		models   Models
		bodyPart string
		want     []string
	}{
		{Models{"g", "t"}, "HAND", []string{"g"}},
		{Models{"g", "t"}, "CHEST", []string{"t"}},
		{Models{"g", "t"}, "", []string{"g", "t"}},
		{Models{"g", ""}, "CHEST", []string{"g"}},
	} {
		if got := c.models.of(c.bodyPart); !slices.Equal(got, c.want) {
			t.Errorf("%+v, %q: %q, want %q", c.models, c.bodyPart, got, c.want)
		}
	}
}
