package operate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
)

func heldCmd() *cobra.Command {
	return command.Group("held", "list, release and drop results that wait for somebody to look at them", heldListCmd(), heldReleaseCmd(), heldDropCmd())
}

// everything is the argument that selects all held results.
const everything = "all"

// heldQuery selects images with a held result.
func (f *findFlags) heldQuery(cmd *cobra.Command, args []string) (inspect.Query, error) {
	q, err := f.query(cmd, args)
	if q.Held = true; q.Term == everything {
		q.Term = ""
	}
	return q, err
}

func heldListCmd() *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use: "list [ACCESSION|UID] [--peer NAME] [--since T] [--json]", Short: "list the images whose results are held",
		Long: `List the images with held results. A result is held if its quality is below the
minimum of its route (quality: {min: …, below: hold}); it is stored, and delivered
only when somebody releases it. Held results do not expire, and are not released by
a restart or another configuration. To review a result, send it to a workstation:
dicomnode resend --object N --to PEER. Works while the node runs.
` + command.ExitCodes,
		Example: "  dicomnode held list --config dicomnode.yaml\n  dicomnode held list --since 1d --json",
		Args:    command.WantArgs(0, 1, "at most one accession number or UID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.list(cmd, args, f.heldQuery, printHeld)
		},
	}
	f.addChoice(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func printHeld(w io.Writer, lives []inspect.History) error {
	if len(lives) == 0 {
		_, err := fmt.Fprintln(w, "nothing is held")
		return err
	}
	var b strings.Builder
	for _, l := range lives {
		fmt.Fprintf(&b, "image %d, received %s from %s, %s\n", l.Object, clock(l.Received), l.Peer, strings.TrimSpace(l.Modality+" "+l.BodyPart))
		fmt.Fprintf(&b, "  accession %s, study %s\n", cmp.Or(l.Accession, "-"), l.Study)
		for _, r := range l.Results {
			for _, d := range r.Deliveries {
				if d.State == inspect.Held {
					fmt.Fprintf(&b, "  result %d, %s to %s, since %s: %s\n", r.Object, uid.Name(r.SOPClass), d.Destination, clock(d.At), d.Words)
				}
			}
		}
		fmt.Fprintf(&b, "    deliver: dicomnode held release --object %d; give up: dicomnode held drop --object %d\n", l.Object, l.Object)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// heldAct is a verb that releases or drops held results.
type heldAct struct {
	verb, short, long, example, done string
	ask                              bool
	yes                              string // help of --yes
	do                               func(*archive.Archive, context.Context, ...int64) (int, error)
}

func (h heldAct) command() *cobra.Command {
	f := againFlags{ask: h.ask}
	f.done = func(n int) string { return command.Plural(n, "held delivery") + " " + h.done }
	cmd := &cobra.Command{
		Use:   h.verb + " ACCESSION|UID|all [--object N] [--peer NAME] [--since T] [--reason TEXT] [--yes]",
		Short: h.short, Long: h.long + command.ExitCodes, Example: h.example,
		Args: command.WantArgs(0, 1, "at most one accession number, UID or \"all\""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runOn(cmd, args, h.verb, f.heldQuery, inspect.History.HeldIDs, func(ctx context.Context, a *archive.Archive, ids []int64) (int, error) {
				return h.do(a, ctx, ids...)
			})
		},
	}
	f.addChoice(cmd)
	f.addAct(cmd, h.yes)
	return cmd
}

func heldReleaseCmd() *cobra.Command {
	return heldAct{
		verb: "release", short: "deliver held results", done: "released", yes: "do not ask when it is more than one object",
		do: (*archive.Archive).Release,
		long: `Deliver the held results of images, chosen by accession number, by the UID of a
study, a series, an image or a result, by flags, or all. Who did it, when and why is
kept, and shown by "dicomnode find". A running node begins at once.
`,
		example: "  dicomnode held release --object 17 --reason \"looked at, borders are right\"\n  dicomnode held release all --yes",
	}.command()
}

func heldDropCmd() *cobra.Command {
	return heldAct{
		verb: "drop", short: "give held results up", done: "dropped", ask: true, yes: "do not ask",
		do: (*archive.Archive).DropHeld,
		long: `Give up the delivery of held results, chosen as by "dicomnode held release". The
results stay for their time, so that it can be undone: "dicomnode resend --object N"
delivers the results of image N after all. It asks first, unless --yes is given; who
did it, when and why is kept, and shown by "dicomnode find".
`,
		example: "  dicomnode held drop --object 17 --reason \"a photograph\" --yes",
	}.command()
}
