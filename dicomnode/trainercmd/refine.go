package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/segment/picture"
	"dicomnode/trainer/compare"
)

// refinements are the values of --refine, as of the configuration's segmentation.refine.
var refinements = []string{"none", "guided"}

// guidedFilter is the filter that a value of refinements stands for, nil for none.
func guidedFilter(refine string) *picture.GuidedFilter {
	if refine == "guided" {
		return picture.NewGuidedFilter()
	}
	return nil
}

// wantRefinement refuses a value of --refine that is none of refinements.
func wantRefinement(value string) error {
	if !slices.Contains(refinements, value) {
		return usagef("refinements are "+strings.Join(refinements, ", "), "unknown value %q of --refine", value)
	}
	return nil
}

// refined are the models to be refined: methods do not answer with probabilities.
func (f *compareFlags) refined(cmd *cobra.Command) ([]compare.Entry, error) {
	if err := wantRefinement(f.refine); err != nil {
		return nil, err
	}
	if flags := cmd.Flags(); flags.Changed("method") && !onlyNone(f.methods) || f.sheet != "" || onlyNone(f.bundles) {
		return nil, usagef("leave --method and --sheet out", "%s --refine compares models alone", cmd.CommandPath())
	}
	return f.models(), nil
}
