package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
)

func queueCmd() *cobra.Command {
	return command.Group("queue", "list, retry and drop the jobs of the node", queueListCmd(),
		queueChangeCmd("retry", "run jobs again now, quarantined ones too", "retried", (*archive.Archive).Retry),
		queueChangeCmd("drop", "give jobs up; the objects stay", "dropped", (*archive.Archive).Drop))
}

// withArchive opens the index beside a running node.
func withArchive(ctx context.Context, config string, use func(*archive.Archive) error) error {
	c, err := command.LoadConfig(config)
	if err != nil {
		return err
	}
	a, err := archive.OpenShared(ctx, archive.Options{Dir: node.ArchiveDir(c)})
	if err != nil {
		return archiveHint(fmt.Errorf("open archive: %w", err))
	}
	return errors.Join(use(a), a.Close())
}

func queueListCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "list the jobs that are not done, with the last reason",
		Long: `List what is not done: waiting, running, retrying and quarantined jobs. Works
while the node runs.
` + command.ExitCodes,
		Example: "  dicomnode queue list --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				entries, err := a.Queue(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return command.PrintJSON(cmd.OutOrStdout(), queueJSON(entries))
				}
				return printQueue(cmd, entries)
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printQueue(cmd *cobra.Command, entries []archive.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "nothing is waiting")
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tKIND\tSTATE\tTO\tTRIES\tNEXT\tRECEIVED\tREASON")
	for _, e := range entries {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", e.ID, e.Kind, e.State, e.Destination, e.Attempts,
			clock(e.NextAt), clock(e.Received), e.Reason)
	}
	return w.Flush()
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// queueEntry is a job as --json prints it.
type queueEntry struct {
	ID          int64      `json:"id"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	Destination string     `json:"destination,omitempty"`
	Attempts    int        `json:"attempts"`
	NextAt      *time.Time `json:"next_at,omitempty"`
	Received    time.Time  `json:"received"`
	Object      int64      `json:"object"`
	Reason      string     `json:"reason,omitempty"`
}

func queueJSON(entries []archive.Entry) []queueEntry {
	list := make([]queueEntry, len(entries))
	for i, e := range entries {
		list[i] = queueEntry{ID: e.ID, Kind: string(e.Kind), State: string(e.State), Destination: e.Destination,
			Attempts: e.Attempts, Received: e.Received, Object: e.ObjectID, Reason: e.Reason}
		if !e.NextAt.IsZero() {
			list[i].NextAt = &e.NextAt
		}
	}
	return list
}

func queueChangeCmd(verb, short, done string, change func(*archive.Archive, context.Context, ...int64) (int, error)) *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: verb + " JOB…|all", Short: short,
		Long:    fmt.Sprintf("For the jobs with these numbers, or all that are listed: %s.\n%s", short, command.ExitCodes),
		Example: fmt.Sprintf("  dicomnode queue %s 17", verb),
		Args:    command.WantArgs(1, -1, "job numbers, or \"all\""),
		RunE: func(cmd *cobra.Command, args []string) error {
			all := len(args) == 1 && args[0] == "all"
			ids, err := jobNumbers(args, all)
			if err != nil {
				return err
			}
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				if all {
					if ids, err = listedJobs(cmd.Context(), a); err != nil {
						return err
					}
				}
				n, err := change(a, cmd.Context(), ids...)
				fmt.Fprintf(cmd.OutOrStdout(), "%d of %d jobs %s\n", n, len(ids), done)
				return err
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}

func jobNumbers(args []string, all bool) ([]int64, error) {
	if all {
		return nil, nil
	}
	ids := make([]int64, len(args))
	for i, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return nil, command.Usagef("\"dicomnode queue list\" shows the numbers", "%q is not a job number", arg)
		}
		ids[i] = id
	}
	return ids, nil
}

func listedJobs(ctx context.Context, a *archive.Archive) ([]int64, error) {
	entries, err := a.Queue(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return ids, nil
}
