package trainercmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/segment/scales"
)

// effortFlag is how often the network is asked, as a node does it by segmentation.effort.
type effortFlag struct{ value string }

func (f *effortFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.value, "effort", configs.Default().Segmentation.Effort,
		"how often the network is asked, as by segmentation.effort: "+effortNames())
}

// effortNames lists the values of --effort.
func effortNames() string {
	return fmt.Sprintf("%s, %s and %s (the two of the model of trunk and head, at effort fast and at the others), %s (the whole picture alone)",
		strings.Join(scales.Efforts(), ", "), scales.Mirrors, scales.Wide, scales.Whole)
}

// effort is the flag's, or a usage error.
func (f effortFlag) effort() (scales.Effort, error) {
	e := scales.Effort(f.value)
	if !e.Known() {
		return e, command.Usagef("efforts are "+effortNames(), "unknown value %q of --effort", f.value)
	}
	return e, nil
}

// effortsFlag is effortFlag for several.
type effortsFlag struct{ values []string }

func (f *effortsFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.values, "effort", []string{configs.Default().Segmentation.Effort},
		"how often the network is asked, as by segmentation.effort: "+effortNames()+"; repeatable, each in a row of its own")
}

// efforts are the flag's, or a usage error.
func (f effortsFlag) efforts() (out []scales.Effort, err error) {
	for _, v := range f.values {
		e, err := effortFlag{v}.effort()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// wantRefinement refuses a value of --refine that is none of refinements.
func wantRefinement(value string) error {
	if !slices.Contains(pipeline.Refinements, value) {
		return command.Usagef("refinements are "+strings.Join(pipeline.Refinements, ", "), "unknown value %q of --refine", value)
	}
	return nil
}
