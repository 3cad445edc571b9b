package trainercmd

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/split"
)

func trainerSplitCmd() *cobra.Command {
	var opt split.Options
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use: "split DATASET [--seed S] [--keep|--replace] [--dry-run] [--json]", Short: "split a data set into training, validation and test images",
		Long: `Fill the column "split" of a data set folder as in the XNet paper: 108, 21
and 21 of 150 images, in proportion for other numbers. Every body part occurs in
validation, a body part of a single patient goes to test, and difficult images are
twice as frequent in test. All images with the same value in the column "patient" (a
pseudonym) get the same split; without the column each image counts as a patient.
These rules have precedence over the sizes; a message says where they change them.
The same rows and seed give the same split. dataset.csv is replaced atomically.
` + command.ExitCodes,
		Example: "  dicomnode trainer split data/labelled --seed 1 --dry-run",
		Args:    command.WantArgs(1, 1, "one data set folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.Validation == 0 || opt.Test == 0 { // to the options 0 is a default
				return command.Usagef("leave --validation and --test out for the paper's shares", "--validation %v and --test %v: want more than 0", opt.Validation, opt.Test)
			}
			plan, err := splitFolder(args[0], opt, dryRun)
			if err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), plan)
			}
			return printPlan(cmd.OutOrStdout(), plan, dryRun)
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&opt.Seed, "seed", 1, "seed of everything random")
	flags.Float64Var(&opt.Validation, "validation", split.PaperShare, "share of validation images")
	flags.Float64Var(&opt.Test, "test", split.PaperShare, "share of test images")
	flags.BoolVar(&opt.Keep, "keep", false, "keep the split of images that have one")
	flags.BoolVar(&opt.Replace, "replace", false, "replace existing splits")
	flags.BoolVar(&dryRun, "dry-run", false, "print the table and write nothing")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func splitFolder(dir string, opt split.Options, dryRun bool) (plan *split.Plan, err error) {
	f, err := openDataset(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = command.JoinClose(err, f) }()
	if plan, err = split.Assign(f, opt); err != nil {
		err = fmt.Errorf("split %s: %w", dir, err)
		if errors.Is(err, split.ErrSplit) {
			err = hint.Add(err, "--keep places only the images without one, --replace forgets them all")
		}
		return nil, err
	}
	if dryRun {
		return plan, nil
	}
	for i := range f.Items {
		f.Items[i].Split = plan.Splits[i]
	}
	return plan, f.Save()
}

// openDataset opens a folder; an error has the hint to check it.
func openDataset(dir string) (*dataset.Folder, error) {
	f, err := dataset.Open(dir)
	return f, hint.Add(err, "\"dicomnode trainer dataset check\" explains what is wrong with a folder")
}

func printPlan(out io.Writer, p *split.Plan, dryRun bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BODY PART\tTRAIN\tVAL\tTEST\tALL")
	for _, r := range p.Rows {
		name := r.Name
		if name == "" {
			name = "(none)"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", name, r.Train, r.Validation, r.Test, r.All)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if dryRun {
		fmt.Fprintln(w, "nothing was written (--dry-run)")
	}
	return w.Flush()
}
