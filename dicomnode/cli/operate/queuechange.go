package operate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/archive"
	"dicomnode/internal/hint"
)

// selectJobs are the jobs of the arguments: numbers, names of destinations, or "all".
func selectJobs(ctx context.Context, a *archive.Archive, args []string) (ids []int64, err error) {
	entries, err := a.Queue(ctx)
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err == nil && id > 0 {
			ids = append(ids, id)
			continue
		}
		before := len(ids)
		for _, e := range entries {
			if arg == "all" || e.Destination == arg {
				ids = append(ids, e.ID)
			}
		}
		if len(ids) == before && arg != "all" {
			return nil, command.Usagef("\"dicomnode queue list\" shows numbers and destinations", "%q is no job number and no destination with a job", arg)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func queueRetryCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "retry JOB…|DESTINATION…|all", Short: "run jobs again now, including quarantined ones",
		Long: `Run the jobs with these numbers, the jobs of these destinations, or all listed jobs
again now, including quarantined ones.
` + command.ExitCodes,
		Example: "  dicomnode queue retry 17\n  dicomnode queue retry pacs",
		Args:    command.WantArgs(1, -1, "job numbers, destinations, or \"all\""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				ids, err := selectJobs(cmd.Context(), a, args)
				if err != nil || len(ids) == 0 {
					return printChanged(cmd.OutOrStdout(), 0, 0, "retried", err)
				}
				n, err := a.Retry(cmd.Context(), ids...)
				return printChanged(cmd.OutOrStdout(), n, len(ids), "retried", err)
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}

// printChanged prints how many of the selected jobs were changed; none is a failure.
func printChanged(w io.Writer, n, of int, done string, err error) error {
	if err != nil {
		return err
	}
	if n == 0 && of > 0 {
		return hint.Add(fmt.Errorf("no job was %s", done), "\"dicomnode queue list\" shows the jobs that are not done")
	}
	_, err = fmt.Fprintf(w, "%d of %d jobs %s\n", n, of, done)
	return err
}

func queueDropCmd() *cobra.Command {
	var config, reason string
	var yes bool
	cmd := &cobra.Command{
		Use: "drop JOB…|DESTINATION…|all [--reason TEXT] [--yes]", Short: "cancel jobs; the objects stay",
		Long: `Cancel the jobs with these numbers, the jobs of these destinations, or all listed
jobs. The objects stay until they expire, so this can be undone: "dicomnode resend
--object N" delivers a result, "dicomnode reprocess --object N" segments an image.
It asks for confirmation, unless --yes is given. User, time and reason are recorded.
Running jobs are listed and not dropped; a delivery that waits for its destination
counts as running for up to a minute, and can be dropped after that.
` + command.ExitCodes,
		Example: "  dicomnode queue drop 17 --reason \"sent by hand\"",
		Args:    command.WantArgs(1, -1, "job numbers, destinations, or \"all\""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				ids, err := selectJobs(cmd.Context(), a, args)
				if err != nil || len(ids) == 0 {
					return printChanged(cmd.OutOrStdout(), 0, 0, "dropped", err)
				}
				if !yes {
					if err := confirm(cmd, fmt.Sprintf("give up %s?", command.Plural(len(ids), "job"))); err != nil {
						return err
					}
				}
				entries, err := a.Queue(cmd.Context())
				if err != nil {
					return err
				}
				dropped, err := a.Drop(archive.WithReason(cmd.Context(), reason), ids...)
				if err != nil {
					return err
				}
				entries = slices.DeleteFunc(entries, func(e archive.Entry) bool { return !slices.Contains(ids, e.ID) })
				undo, running := dropWords(entries, dropped)
				fmt.Fprint(cmd.OutOrStdout(), running)
				if err := printChanged(cmd.OutOrStdout(), len(dropped), len(ids), "dropped", nil); err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), undo)
				return err
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().StringVar(&reason, "reason", "", "reason, for the record")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// dropWords says how to undo the dropping of jobs, and which of the selected ones were not
// dropped because they run.
func dropWords(selected []archive.Entry, dropped []int64) (undo, running string) {
	var b strings.Builder
	var left []string
	for _, e := range selected {
		if !slices.Contains(dropped, e.ID) {
			left = append(left, strconv.FormatInt(e.ID, 10))
			continue
		}
		verb := fmt.Sprintf("reprocess --object %d", e.ObjectID)
		if e.Destination != "" {
			verb = fmt.Sprintf("resend --object %d --to %s", e.ObjectID, e.Destination)
		}
		fmt.Fprintf(&b, "undo %d: dicomnode %s\n", e.ID, verb)
	}
	if len(left) > 0 {
		running = fmt.Sprintf("%s running, not dropped: %s; a delivery that waits for its destination runs for up to a minute, drop it after that\n",
			command.Plural(len(left), "job"), strings.Join(left, ", "))
	}
	return b.String(), running
}

// confirm asks the user at the terminal; without a terminal --yes is required.
func confirm(cmd *cobra.Command, question string) error {
	in, ok := cmd.InOrStdin().(*os.File)
	if ok && !command.IsTerminal(in) {
		return command.Usagef("--yes skips the question", "missing option: --yes: there is no terminal to ask at")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // end of input means no
	if strings.EqualFold(strings.TrimSpace(answer), "y") {
		return nil
	}
	return errors.New("nothing was changed")
}

func queuePauseCmd() *cobra.Command {
	var config, reason string
	cmd := &cobra.Command{
		Use: "pause DESTINATION [--reason TEXT]", Short: "stop the deliveries to a destination",
		Long: `Stop the deliveries to a peer, for example during maintenance of the PACS. It takes
effect within seconds and remains after a restart of the node; a running delivery is
finished. Meanwhile results wait, and no attempts are counted.
` + command.ExitCodes,
		Example: "  dicomnode queue pause pacs --reason \"PACS upgrade until 18:00\"",
		Args:    command.WantArgs(1, 1, "one destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDestination(cmd, config, args[0], func(ctx context.Context, a *archive.Archive) error {
				if err := a.PauseDestination(archive.WithReason(ctx, reason), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is paused; dicomnode queue resume %s ends it\n", args[0], args[0])
				return err
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().StringVar(&reason, "reason", "", "reason, for the record")
	return cmd
}

func queueResumeCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "resume DESTINATION", Short: "deliver to a paused destination again",
		Long:    "Deliver to a paused destination again. A running node does so within a minute.\n" + command.ExitCodes,
		Example: "  dicomnode queue resume pacs",
		Args:    command.WantArgs(1, 1, "one destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				was, err := a.ResumeDestination(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if !was {
					return fmt.Errorf("resume %s: it was not paused", args[0])
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is delivered to again\n", args[0])
				return err
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}

// withDestination opens the index for a destination of the configuration.
func withDestination(cmd *cobra.Command, config, name string, use func(context.Context, *archive.Archive) error) error {
	c, err := command.LoadConfig(config)
	if err != nil {
		return err
	}
	if p, ok := c.Peer(name); !ok || !p.Callable() {
		return command.Usagef("destinations are peers whose address has a port", "no peer with an address is named %q in %s", name, config)
	}
	return withArchive(cmd.Context(), config, func(a *archive.Archive) error { return use(cmd.Context(), a) })
}
