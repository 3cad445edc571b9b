package option_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"dicomnode/internal/option"
)

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		err         error
		text, flags string
	}{
		{option.Refuse("per-body-part", "%d: want at least 1", 0), "per-body-part 0: want at least 1", "--per-body-part 0: want at least 1"},
		{option.Refuse("keep replace", "exclude each other"), "keep and replace exclude each other", "--keep and --replace exclude each other"},
	} {
		var o *option.Error
		if !errors.As(fmt.Errorf("run: %w", c.err), &o) || o.Error() != c.text || o.Flags() != c.flags {
			t.Errorf("%q and %q, want %q and %q", o.Error(), o.Flags(), c.text, c.flags)
		}
	}
	if err := option.Refuse("out", "x: %w", io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("%v does not lead to its cause", err)
	}
}
