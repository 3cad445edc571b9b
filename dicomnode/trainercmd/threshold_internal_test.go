package trainercmd

import (
	"strings"
	"testing"

	"dicomnode/model"
	"dicomnode/trainer/calibrate"
)

// A threshold that does not keep what is required is warned of.
func TestWarnNotReached(t *testing.T) {
	var b strings.Builder
	warnNotReached(&b, calibrate.Chosen{How: &model.Choice{NotReached: []model.Missed{{Rate: 0.912}, {BodyPart: "HAND", Rate: 0.5}}}})
	want := "warning: no threshold reaches what is required; the greatest has 91.2 % on all images\n" +
		"warning: no threshold reaches what is required; the greatest has 50 % on HAND\n"
	if b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
