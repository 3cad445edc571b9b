package hint_test

import (
	"fmt"
	"io"
	"testing"

	"dicomnode/internal/hint"
)

func TestHint(t *testing.T) {
	if err := hint.Add(nil, "do"); err != nil {
		t.Errorf("no error became %v", err)
	}
	inner := hint.Add(io.EOF, "inner")
	for _, c := range []struct {
		err        error
		text, hint string
	}{
		{io.EOF, "EOF", ""},
		{inner, "EOF", "inner"},
		{fmt.Errorf("read: %w", inner), "read: EOF", "inner"},
		{hint.Add(fmt.Errorf("read: %w", inner), "outer"), "read: EOF", "outer"},
	} {
		if c.err.Error() != c.text || hint.Of(c.err) != c.hint {
			t.Errorf("%q with hint %q, want %q with %q", c.err, hint.Of(c.err), c.text, c.hint)
		}
	}
}
