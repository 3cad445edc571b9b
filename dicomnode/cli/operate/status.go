package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
)

func statusCmd() *cobra.Command {
	var config string
	var asJSON, alive bool
	cmd := &cobra.Command{
		Use: "status [--json] [--alive]", Short: "show the state of the node, for people and monitoring systems",
		Long: `Show whether the node runs, its model and device, unfinished jobs, each destination,
when each peer sent its last object, the last rejected associations, and free disk
space. --alive only checks whether the node runs and its index answers, for programs
that restart it; a destination that is down does not count.

Exit codes: 0 all is well, 1 something needs attention (the last lines say what), 2 wrong usage.`,
		Example: "  dicomnode status --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := command.LoadConfig(config)
			if err != nil {
				return err
			}
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				if alive {
					return printAlive(cmd.Context(), cmd.OutOrStdout(), a, c)
				}
				s, err := inspect.Inspect(cmd.Context(), a, c)
				if err != nil {
					return err
				}
				if asJSON {
					err = command.PrintJSON(cmd.OutOrStdout(), s)
				} else {
					err = printStatus(cmd.OutOrStdout(), s)
				}
				if err == nil && len(s.Problems) > 0 {
					err = fmt.Errorf("status: %s", strings.Join(s.Problems, "; "))
				}
				return err
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&alive, "alive", false, "only check whether the node runs and its index answers")
	return cmd
}

// answerTime is how long the index may take to answer.
const answerTime = 10 * time.Second

func printAlive(ctx context.Context, out io.Writer, a *archive.Archive, c configs.Config) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	running, err := archive.Serving(node.ArchiveDir(c))
	if err == nil && !running {
		err = errors.New("the node does not run")
	}
	if err == nil {
		_, err = a.Stats(ctx)
	}
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	_, err = fmt.Fprintln(out, "the node runs")
	return err
}

func printStatus(out io.Writer, s *inspect.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	running := "no"
	if s.Running {
		running = "yes"
	}
	fmt.Fprintf(w, "running\t%s\n", running)
	if e := s.Engine; e != nil {
		fmt.Fprintf(w, "program\t%s\nmodel\t%s %s on %s since %s, digest %s\n", e.Program, e.Model, e.Version, e.Device, clock(e.Since), e.Digest)
		if e.Trunk != "" {
			fmt.Fprintf(w, "\t%s for images of trunk and head\n", e.Trunk)
		}
		if e.Fallback != "" {
			fmt.Fprintf(w, "\tCUDA is not used: %s\n", e.Fallback)
		}
	}
	fmt.Fprintf(w, "jobs\t%d waiting, %d retrying, %d quarantined; the oldest since %s\n", s.Waiting, s.Retrying, s.Quarantined, clock(s.Oldest))
	if s.Held > 0 {
		fmt.Fprintf(w, "held\t%s; dicomnode held list shows them\n", command.Plural(s.Held, "delivery"))
	}
	fmt.Fprintf(w, "objects\t%d\ndisk\t%d MiB free, %d wanted\n", s.Objects, s.FreeMiB, s.WantMiB)
	fmt.Fprintf(w, "decodes\t%s\n", strings.Join(s.Codecs, ", "))
	if s.Drain != nil {
		fmt.Fprintf(w, "drained\tby %s since %s: further associations are refused\n", s.Drain.Who, clock(s.Drain.Since))
	}
	if s.CertificateEnds != nil {
		fmt.Fprintf(w, "certificate\tends %s\n", clock(*s.CertificateEnds))
	}
	for _, e := range s.Calibrations {
		fmt.Fprintf(w, "calibration\tof %s goes %s, last used %s\n", e.Detector, clock(e.Goes), e.LastUsed.Local().Format(time.DateOnly))
	}
	for _, d := range s.Destinations {
		fmt.Fprintf(w, "to %s\t%s, %s waiting%s%s\n", d.Name, d.State, command.Plural(d.Jobs, "delivery"), uncommitted(d), why(d))
	}
	for _, p := range s.Peers {
		fmt.Fprintf(w, "from %s\tlast object %s, last association %s\n", p.Name, clock(p.LastSent), clock(p.Last))
	}
	for _, r := range s.Refusals {
		fmt.Fprintf(w, "refused\t%s, %s: %s calling %s from %s: %s\n", clock(r.Last), command.Plural(int(r.Count), "time"), r.CallingAE, r.CalledAE, r.Address, r.Words)
	}
	return w.Flush()
}

// uncommitted describes how many of the deliveries only wait for storage commitment.
func uncommitted(d inspect.Destination) string {
	if d.Uncommitted == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them sent and not yet committed", d.Uncommitted)
}

// why describes the fault of a destination.
func why(d inspect.Destination) string {
	var b strings.Builder
	if d.Pause != nil {
		fmt.Fprintf(&b, ", paused by %s since %s", d.Pause.Who, clock(d.Pause.Since))
		if d.Pause.Reason != "" {
			fmt.Fprintf(&b, " (%s)", d.Pause.Reason)
		}
	}
	if d.Reason != "" {
		fmt.Fprintf(&b, ": %s", d.Reason)
	}
	if d.Removed {
		b.WriteString(", no peer of the configuration has this name")
	}
	return b.String()
}
