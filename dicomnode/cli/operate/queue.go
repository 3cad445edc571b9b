package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
)

func queueCmd() *cobra.Command {
	return command.Group("queue", "list, retry and drop the jobs of the node, pause destinations", queueListCmd(),
		queueRetryCmd(), queueDropCmd(), queuePauseCmd(), queueResumeCmd())
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
		Long: `List what is not done, study by study: waiting, running, retrying and quarantined
jobs, why they are not done and what to do next. Works while the node runs.
` + command.ExitCodes,
		Example: "  dicomnode queue list --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				jobs, err := inspect.Queue(cmd.Context(), a)
				if err != nil {
					return err
				}
				if asJSON {
					return command.PrintJSON(cmd.OutOrStdout(), jobs)
				}
				return printQueue(cmd, jobs)
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printQueue(cmd *cobra.Command, jobs []inspect.Pending) error {
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "nothing is waiting")
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tACCESSION\tIMAGE\tKIND\tSTATE\tTO\tTRIES\tNEXT\tRECEIVED\tREASON\tWHAT TO DO")
	for _, j := range jobs {
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", j.ID, cmp.Or(j.Accession, "-"), j.Image, j.Kind, j.State, cmp.Or(j.Destination, "-"), j.Attempts,
			clock(j.NextAt), clock(j.Received), j.Reason, j.Next())
	}
	return w.Flush()
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}
