package trainercmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/trainer/dataset"
)

func trainerDatasetCmd() *cobra.Command {
	return command.Group("dataset", "check and import labelled data sets", trainerCheckCmd(), trainerColoursCmd(), trainerSEGCmd())
}

func trainerCheckCmd() *cobra.Command {
	var strict, asJSON bool
	var workers int
	cmd := &cobra.Command{
		Use: "check FOLDER… [--strict] [--json]", Short: "check data set folders",
		Long: `Read data set folders (dataset.csv, images, labels), including every picture,
and print each problem with a hint. An error means that the folder cannot be used or
would give wrong scores; a warning may be intended.

Exit codes: 0 no errors (with --strict no warnings either), 1 problems found or
a folder that cannot be read, 2 wrong usage.`,
		Example: "  dicomnode trainer dataset check data/labelled",
		Args:    command.WantArgs(1, -1, "data set folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			reports := []*dataset.Report{}
			for _, dir := range args {
				bar := command.NewProgress(cmd.ErrOrStderr(), 1, "checking")
				r, err := dataset.Check(cmd.Context(), dir, workers, func(done, total int) {
					if done == 1 {
						bar = command.NewProgress(cmd.ErrOrStderr(), total, "checking")
					}
					_ = bar.Set(done) // cosmetic
				})
				if err != nil {
					return hint.Add(fmt.Errorf("check data set: %w", err), "name folders that hold a dataset.csv")
				}
				reports = append(reports, r)
			}
			if err := printChecks(cmd.OutOrStdout(), reports, asJSON); err != nil {
				return err
			}
			return checksFailed(reports, strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 1 for warnings as well")
	cmd.Flags().IntVar(&workers, "threads", 0, "pictures read at a time; 0 is one per core")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func checksFailed(reports []*dataset.Report, strict bool) error {
	failures, doubts := 0, 0
	for _, r := range reports {
		failures += r.Count(dataset.Wrong)
		doubts += r.Count(dataset.Warning)
	}
	if failures > 0 || strict && doubts > 0 {
		return fmt.Errorf("check data set: %s, %s", command.Plural(failures, "error"), command.Plural(doubts, "warning"))
	}
	return nil
}

func printChecks(out io.Writer, reports []*dataset.Report, asJSON bool) error {
	if asJSON {
		return command.PrintJSON(out, reports)
	}
	for _, r := range reports {
		if err := printCheck(out, r); err != nil {
			return err
		}
	}
	return nil
}

func printCheck(out io.Writer, r *dataset.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Folder, command.Plural(r.Images, "image"))
	if r.Patients > 0 {
		fmt.Fprintf(&b, " of %s", command.Plural(r.Patients, "patient"))
	}
	fmt.Fprintf(&b, "\n  split: %s\n  body part: %s\n", counts(r.Splits), counts(r.BodyParts))
	fmt.Fprintf(&b, "  labelled pixels: %.1f %% open beam, %.1f %% soft tissue, %.1f %% bone; %.1f %% of all are ignored\n",
		100*r.Classes[dataset.OpenBeam], 100*r.Classes[dataset.SoftTissue], 100*r.Classes[dataset.Bone], 100*r.Ignored)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s: %s\n  hint: %s\n", p.Severity, p.Error(), p.Hint)
	}
	fmt.Fprintf(&b, "%s, %s\n", command.Plural(r.Count(dataset.Wrong), "error"), command.Plural(r.Count(dataset.Warning), "warning"))
	_, err := io.WriteString(out, b.String())
	return err
}

// counts lists names with their numbers, "" as "(none)".
func counts(n map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		shown := name
		if name == "" {
			shown = "(none)"
		}
		parts = append(parts, fmt.Sprintf("%s %d", shown, n[name]))
	}
	if len(parts) == 0 {
		return "(none)"
	}
	return strings.Join(parts, ", ")
}
