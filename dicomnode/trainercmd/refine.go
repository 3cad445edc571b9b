package trainercmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/trainer/compare"
)

// wantRefinement refuses a value of --refine that is none of refinements.
func wantRefinement(value string) error {
	if !slices.Contains(pipeline.Refinements, value) {
		return command.Usagef("refinements are "+strings.Join(pipeline.Refinements, ", "), "unknown value %q of --refine", value)
	}
	return nil
}

// refined are the models to be refined: methods do not answer with probabilities.
func (f *compareFlags) refined(cmd *cobra.Command) ([]compare.Entry, error) {
	if err := wantRefinement(f.refine); err != nil {
		return nil, err
	}
	if flags := cmd.Flags(); flags.Changed("method") && !onlyNone(f.methods) || f.sheet != "" || onlyNone(f.bundles) {
		return nil, command.Usagef("leave --method and --sheet out", "%s --refine compares models alone", cmd.CommandPath())
	}
	return f.models(), nil
}
