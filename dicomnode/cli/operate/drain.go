package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
	"dicomnode/internal/hint"
)

func drainCmd() *cobra.Command {
	var config, reason string
	var end bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "drain [--end] [--timeout TIME] [--reason TEXT]", Short: "before a stop: reject associations and finish all jobs",
		Long: `Let the running node reject new associations, and wait until open associations have
ended and all jobs are done, except quarantined jobs and those whose destination
fails or is paused: these continue after the next start. Then the node can be
stopped. The rejection is transient, so that modalities try again. After --end, or
a restart, the node accepts associations again.

Exit codes: 0 drained, 1 not in time (the node still rejects), 2 wrong usage.`,
		Example: "  dicomnode drain --reason \"upgrade\" && systemctl stop dicomnode",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := command.LoadConfig(config)
			if err != nil {
				return err
			}
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				if end {
					return endDrain(cmd.Context(), cmd.OutOrStdout(), a)
				}
				ctx, cancel := context.WithTimeout(archive.WithReason(cmd.Context(), reason), timeout)
				defer cancel()
				return drained(ctx, cmd.OutOrStdout(), a, c)
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&end, "end", false, "accept associations again")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "how long to wait")
	cmd.Flags().StringVar(&reason, "reason", "", "reason, for the record")
	return cmd
}

func endDrain(ctx context.Context, out io.Writer, a *archive.Archive) error {
	was, err := a.EndDrain(ctx)
	if err != nil {
		return err
	}
	said := "the node receives again"
	if !was {
		said = "the node was not drained"
	}
	_, err = fmt.Fprintln(out, said)
	return err
}

// drainPollInterval is the interval at which the progress of the node is read.
const drainPollInterval = 500 * time.Millisecond

// drained requests the drain and waits for its end; it prints a line for each step.
func drained(ctx context.Context, out io.Writer, a *archive.Archive, c configs.Config) error {
	if running, err := archive.Serving(node.ArchiveDir(c)); err != nil || !running {
		return hint.Add(errors.Join(errors.New("drain: the node does not run"), err), "it receives nothing; what is queued goes on when it starts")
	}
	if err := a.Drain(ctx); err != nil {
		return err
	}
	asked, _, err := a.Drained(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(drainPollInterval)
	defer tick.Stop()
	for before := (remaining{}); ; {
		now, err := remainingWork(ctx, a, asked.Since)
		switch {
		case ctx.Err() != nil:
			return hint.Add(fmt.Errorf("drain: not done in time: %s", before), `the node still rejects associations; "dicomnode drain" waits again, "dicomnode drain --end" ends the drain`)
		case err != nil:
			return err
		case now != before:
			fmt.Fprintln(out, now)
		}
		if now.rejecting && now.associations+now.jobs == 0 {
			_, err := fmt.Fprintln(out, "drained: the node can be stopped")
			return err
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// remaining is what a drain waits for, and the jobs that it leaves.
type remaining struct {
	rejecting          bool // the node rejects associations
	associations, jobs int
	waiting            int // jobs that continue after the next start
}

func (l remaining) String() string {
	if !l.rejecting {
		return "waiting for the node"
	}
	s := fmt.Sprintf("%s open, %s to do", command.Plural(l.associations, "association"), command.Plural(l.jobs, "job"))
	if l.waiting > 0 {
		s += fmt.Sprintf("; %s kept for the next start", command.Plural(l.waiting, "job"))
	}
	return s
}

func remainingWork(ctx context.Context, a *archive.Archive, since time.Time) (l remaining, err error) {
	text, err := a.Recall(ctx, node.DrainKey)
	if err != nil {
		return l, err
	}
	var d node.Draining
	if text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return l, err
		}
	}
	l.rejecting, l.associations = d.Since.Equal(since), d.Associations
	queue, err := a.Queue(ctx)
	l.count(queue, time.Now())
	return l, err
}

// count separates jobs that are being done from those that wait: for a destination that fails,
// is paused or has not committed, or for a person.
func (l *remaining) count(queue []archive.Entry, now time.Time) {
	for _, e := range queue {
		if e.State == archive.Running || e.State == archive.Waiting && !e.NextAt.After(now) {
			l.jobs++
		} else {
			l.waiting++
		}
	}
}
