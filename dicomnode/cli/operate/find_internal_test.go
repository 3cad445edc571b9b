package operate

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Only a find of everything has a limit of its own. resend and reprocess look at all that match.
func TestFindLimit(t *testing.T) {
	for args, want := range map[string]struct{ find, again int }{
		"":                       {defaultLimit, 0},
		"--peer dx":              {defaultLimit, 0},
		"--peer dx --limit 5000": {5000, 5000},
		"--since 3d":             {0, 0},
		"--since 3d --limit 7":   {7, 7},
		"--unrouted":             {0, 0},
		"--state held":           {0, 0},
		"--not-delivered":        {0, 0},
		"A1234567":               {0, 0},
	} {
		var f findFlags
		cmd := &cobra.Command{}
		f.add(cmd)
		if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		find, err := f.findQuery(cmd, cmd.Flags().Args())
		if err != nil {
			t.Fatal(err)
		}
		again, err := f.query(cmd, cmd.Flags().Args())
		if err != nil || find.Limit != want.find || again.Limit != want.again {
			t.Errorf("%q: limit of find %d, of resend %d, %v; want %v", args, find.Limit, again.Limit, err, want)
		}
	}
}
