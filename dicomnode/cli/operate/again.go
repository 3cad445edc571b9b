package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/archive"
	"dicomnode/model"
)

// againFlags are the flags of resend and reprocess.
type againFlags struct {
	findFlags
	reason string
	yes    bool
	// before, if set, describes what will happen; "" prints nothing.
	before func(context.Context, *archive.Archive, []inspect.History) (string, error)
	// ask asks for confirmation even for a single object.
	ask bool
	// done describes the result, given the number of jobs or deliveries; nil: jobs were
	// created.
	done func(n int) string
}

// objectsDo is an action on objects; it returns how often it was done.
type objectsDo = func(ctx context.Context, a *archive.Archive, ids []int64) (int, error)

// run applies the action to the objects of the selected images.
func (f *againFlags) run(cmd *cobra.Command, args []string, what string, ids func(inspect.History) []int64, do objectsDo) error {
	return f.runOn(cmd, args, what, f.query, ids, do)
}

// runOn is run for the images of a query.
func (f *againFlags) runOn(cmd *cobra.Command, args []string, what string, query imageQuery, ids func(inspect.History) []int64, do objectsDo) error {
	if f.empty(args) {
		return command.Usagef("for example --since 2h, or an accession number; --peer chooses too", "missing argument: which images")
	}
	q, err := query(cmd, args)
	if err != nil {
		return err
	}
	lives, err := f.find(cmd, q)
	if err != nil {
		return err
	}
	var all []int64
	for _, l := range lives {
		all = append(all, ids(l)...)
	}
	if f.before != nil && len(lives) > 0 {
		if err := f.announce(cmd, lives); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("%s: nothing to do: %s found, none to %s", what, command.Plural(len(lives), "image"), what)
	}
	if (len(all) > 1 || f.ask) && !f.yes {
		if err := confirm(cmd, fmt.Sprintf("%s %s of %s?", what, command.Plural(len(all), "object"), command.Plural(len(lives), "image"))); err != nil {
			return err
		}
	}
	return withArchive(cmd.Context(), f.config, func(a *archive.Archive) error {
		n, err := do(archive.WithReason(cmd.Context(), f.reason), a, all)
		if err != nil {
			return err
		}
		said := command.Plural(n, "job") + " made"
		if f.done != nil {
			said = f.done(n)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s for %s\n", said, command.Plural(len(lives), "image"))
		return err
	})
}

// announce prints what will happen.
func (f *againFlags) announce(cmd *cobra.Command, lives []inspect.History) error {
	return withArchive(cmd.Context(), f.config, func(a *archive.Archive) error {
		said, err := f.before(cmd.Context(), a, lives)
		if err == nil && said != "" {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
		}
		return err
	})
}

func (f *againFlags) add(cmd *cobra.Command) {
	f.findFlags.add(cmd)
	f.addAct(cmd, "do not ask when it is more than one object")
}

// addAct adds the flags --reason and --yes.
func (f *againFlags) addAct(cmd *cobra.Command, yes string) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "reason, for the record")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, yes)
}

func resendCmd() *cobra.Command {
	var f againFlags
	var to []string
	cmd := &cobra.Command{
		Use: "resend ACCESSION|UID [--to PEER] [--study UID] [--since T] [--reason TEXT] [--yes]", Short: "deliver results again",
		Long: `Deliver existing results of images again, when a PACS has lost or deleted them, or
to another peer (--to). Images are selected as by "dicomnode find". Results with a
pending delivery are not sent twice. Held results are not sent, except one named by
--object and sent elsewhere by --to, for review. A delivery that somebody has dropped
is made only if --object names the image or result, or --to the destination. Results
that a newer version supersedes are not sent. A running node starts at once.
` + command.ExitCodes,
		Example: "  dicomnode resend A1234567\n  dicomnode resend --since 1d --to archive --yes",
		Args:    command.WantArgs(0, 1, "at most one accession number or UID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := command.LoadConfig(f.config)
			if err != nil {
				return err
			}
			for _, name := range to {
				if p, ok := c.Peer(name); !ok || !p.Callable() {
					return command.Usagef("destinations are peers whose address has a port", "no peer with an address is named %q in %s", name, f.config)
				}
			}
			f.before = func(_ context.Context, _ *archive.Archive, lives []inspect.History) (string, error) {
				return unsentWords(lives, to, f.object != 0), nil
			}
			ids := inspect.History.UnheldIDs
			if f.object != 0 {
				ids = inspect.History.ResultIDs
			}
			return f.run(cmd, args, "resend", ids, func(ctx context.Context, a *archive.Archive, ids []int64) (int, error) {
				return a.Resend(ctx, archive.Resending{To: to, Dropped: f.object != 0}, ids...)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "peer to deliver to (repeatable; default: where they went before)")
	return cmd
}

// unsentWords describes what is not sent again: held and superseded results, deliveries that are
// pending or, unless they are named, dropped, and results without a destination.
func unsentWords(lives []inspect.History, to []string, named bool) string {
	var u unsent
	for _, l := range lives {
		u.held += len(l.HeldIDs())
		for _, r := range l.Results {
			u.count(r, to, named)
		}
	}
	var words []string
	for _, w := range []struct {
		n           int
		what, state string
	}{
		{u.held, "result", "held where it was to go, and stays so; see dicomnode held list"},
		{u.pending, "delivery", "pending already, not sent twice; dicomnode queue list shows the reason"},
		{u.dropped, "delivery", "dropped by somebody, and not made; name the image with --object, or the destination with --to"},
		{u.superseded, "result", "superseded by a newer version, and not sent"},
		{u.nowhere, "result", "never sent; name a peer with --to"},
	} {
		if w.n > 0 {
			words = append(words, command.Plural(w.n, w.what)+" "+w.state)
		}
	}
	return strings.Join(words, "\n")
}

// unsent counts results and deliveries that are not sent again.
type unsent struct{ held, pending, dropped, superseded, nowhere int }

// count counts a result, and those of its deliveries that are not held.
func (u *unsent) count(r inspect.Result, to []string, named bool) {
	switch {
	case r.Superseded:
		u.superseded++
		return
	case len(r.Deliveries) == 0 && len(to) == 0:
		u.nowhere++
	}
	for _, d := range r.Deliveries {
		switch {
		case d.Pending() && (len(to) == 0 || slices.Contains(to, d.Destination)):
			u.pending++
		case d.Dropped() && len(to) == 0 && !named:
			u.dropped++
		}
	}
}

func reprocessCmd() *cobra.Command {
	var f againFlags
	var name string
	cmd := &cobra.Command{
		Use: "reprocess ACCESSION|UID [--model BUNDLE|NAME] [--study UID] [--since T] [--unrouted] [--reason TEXT] [--yes]", Short: "segment images again",
		Long: `Segment images again, with the current routes and the model in use or another one
(--model), and deliver the results: for example after a route was added that takes
them (--unrouted), or after another model was published. It first prints how many
results that adds. Existing results stay and are not made again. Images are selected
as by "dicomnode find". A running node does this when no new images wait. --model is
a bundle, the name of a published model, or the beginning of its digest; the bundle is
copied to the published ones, but the model in use does not change.
` + command.ExitCodes,
		Example: "  dicomnode reprocess --unrouted --since 7d\n  dicomnode reprocess A1234567 --model candidate.onnx",
		Args:    command.WantArgs(0, 1, "at most one accession number or UID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := command.LoadConfig(f.config)
			if err != nil {
				return err
			}
			b, err := namedModel(c, name)
			if err != nil {
				return err
			}
			f.before = func(ctx context.Context, a *archive.Archive, lives []inspect.History) (string, error) {
				models, err := reprocessModels(c, b)
				if err != nil {
					return "", err
				}
				p, err := inspect.PlanReprocess(ctx, a, c, models, lives)
				return planWords(p, b), err
			}
			image := func(l inspect.History) []int64 { return []int64{l.Object} }
			return f.run(cmd, args, "reprocess", image, func(ctx context.Context, a *archive.Archive, ids []int64) (int, error) {
				if name == "" {
					return a.Reprocess(ctx, ids...)
				}
				if err := pipeline.ModelStore(c).Keep(b); err != nil {
					return 0, fmt.Errorf("keep model: %w", err)
				}
				return a.Reprocess(archive.WithModel(ctx, b.Digest), ids...)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&name, "model", "", "model to segment with: a bundle, \"embedded\", or a published one by name or digest (default: the one in use)")
	return cmd
}

// reprocessModels are the models that segment again with b as the general one.
func reprocessModels(c configs.Config, b *model.Bundle) (inspect.Models, error) {
	trunk, err := pipeline.TrunkBundle(c.Model.Trunk, b)
	if err != nil || trunk == nil {
		return inspect.Models{General: b.Digest}, err
	}
	return inspect.Models{General: b.Digest, Trunk: trunk.Digest}, nil
}

// namedModel is a model that segments regions.
func namedModel(c configs.Config, name string) (*model.Bundle, error) {
	b, err := pipeline.NamedBundle(c, name)
	if err == nil && b.Card.Target != model.Regions {
		err = fmt.Errorf("reprocess: %s %s finds %s, not regions", b.Card.Name, b.Card.Version, b.Card.Target)
	}
	return b, err
}

// planWords describes the results that segmenting again adds.
func planWords(p inspect.Plan, b *model.Bundle) string {
	s := fmt.Sprintf("%s with %s %s, digest %.12s: adds %s and %s", command.Plural(p.Images, "image"), b.Card.Name, b.Card.Version, b.Digest,
		command.Plural(p.Results, "result"), command.Plural(p.Deliveries, "delivery"))
	if p.Done > 0 {
		s += fmt.Sprintf("; %d of them have results of this model already, which stay", p.Done)
	}
	if p.Unrouted > 0 {
		s += fmt.Sprintf("; no route takes %d of them", p.Unrouted)
	}
	return s
}
