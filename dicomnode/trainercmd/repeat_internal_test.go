package trainercmd

import (
	"testing"

	"github.com/spf13/cobra"
)

// A command in a card can be typed again, patterns and lists too.
func TestPlainValues(t *testing.T) {
	cmd := &cobra.Command{}
	cmd.Flags().StringSlice("exclude", nil, "")
	cmd.Flags().Float64Slice("class-weights", nil, "")
	cmd.Flags().Int("steps", 0, "")
	for name, c := range map[string]struct{ typed, want string }{
		"exclude":       {"a-*[02468],b-*[1-9]", "a-*[02468],b-*[1-9]"},
		"class-weights": {"1,1,0.85", "1,1,0.85"},
		"steps":         {"3", "3"},
	} {
		if err := cmd.Flags().Set(name, c.typed); err != nil {
			t.Fatal(err)
		}
		if got := plain(cmd, cmd.Flags().Lookup(name)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
