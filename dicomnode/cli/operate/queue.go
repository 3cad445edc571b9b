package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
		Use: "list [--json]", Short: "list unfinished jobs with their last error",
		Long: `List unfinished jobs by study: waiting, running, retrying and quarantined jobs,
with the last error and a hint. Works while the node runs.
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
	var b strings.Builder
	study := ""
	for i, j := range jobs {
		if i == 0 || j.Study != study {
			study = j.Study
			fmt.Fprintf(&b, "accession %s, study %s\n", cmp.Or(j.Accession, "-"), cmp.Or(study, "-"))
		}
		printPending(&b, j)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

func printPending(b *strings.Builder, j inspect.Pending) {
	what := j.Kind
	if j.Destination != "" {
		what += " to " + j.Destination
	}
	fmt.Fprintf(b, "  job %d: %s, %s, tries: %d", j.ID, what, j.State, j.Attempts)
	if !j.NextAt.IsZero() && j.State != string(archive.Running) {
		fmt.Fprintf(b, ", next %s", clock(j.NextAt))
	}
	fmt.Fprintf(b, "; image %d, received %s\n", j.Image, clock(j.Received))
	for _, line := range []string{j.Reason, j.Next()} {
		if line != "" {
			fmt.Fprintf(b, "    %s\n", line)
		}
	}
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}
