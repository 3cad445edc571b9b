package trainercmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/evaluate"
)

// thresholdFlags are those of trainer threshold.
type thresholdFlags struct {
	model   modelFlags
	data    evaluate.Options
	want    calibrate.Want
	bundle  string
	out     string
	version string
	at      string
	refine  string
	effort  effortFlag
	asJSON  bool
}

func trainerThresholdCmd() *cobra.Command {
	var f thresholdFlags
	cmd := &cobra.Command{
		Use: "threshold DATASET… --model BUNDLE [--at PLACE] [--weigh BY] [--out BUNDLE]", Short: "choose soft-tissue thresholds for a precision",
		Long: `Find the lowest threshold on the probability of soft tissue that gives the required
precision (--precision), over all images and for each body part with enough images,
and write it into the bundle. The node's segment of high-precision soft tissue
contains the pixels above it. Use images that the model was not trained on.
--false-positive-rate limits instead the share of open beam and bone predicted as
soft tissue. The paper's "false-positive rate" of 3 % is 1 − precision.

Both are measured at native resolution, refined as in the node (--refine as in its
configuration); with --at network at 200×200, as in the paper. By default the pixels
of all images are pooled, so that large images have more weight; --weigh images takes
the mean over images. The card records how the thresholds were chosen. Where none
reaches the requirement, the greatest is taken, with a warning, and the card says so.
` + command.ExitCodes,
		Example: "  dicomnode trainer threshold data/labelled --split val --model xnet.onnx --precision 0.97 --out xnet-97.onnx",
		Args:    command.WantArgs(1, -1, "labelled data set folders"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.add(cmd)
	return cmd
}

func (f *thresholdFlags) add(cmd *cobra.Command) {
	f.model.add(cmd)
	f.effort.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.bundle, "model", pipeline.Embedded, "model bundle, or \"embedded\"")
	flags.StringVarP(&f.out, "out", "o", "", "the bundle to write; empty prints only")
	flags.StringVar(&f.version, "model-version", "", "version in the card (default: the model's)")
	flags.Float64Var(&f.want.Precision, "precision", 0.97, "required precision of soft tissue")
	flags.Float64Var(&f.want.FalsePositiveRate, "false-positive-rate", 0, "instead of --precision: greatest share of open beam and bone predicted as soft tissue")
	flags.IntVar(&f.want.LeastImages, "least-images", 5, "least number of images of a body part for a threshold of its own")
	flags.StringVar(&f.want.Weigh, "weigh", model.WeighPixels, "how images are weighted: "+strings.Join(model.Weighings(), " or "))
	flags.StringVar(&f.at, "at", model.AtNative, "resolution at which it is measured: "+strings.Join(model.Places(), " or "))
	flags.StringVar(&f.refine, "refine", configs.Default().Segmentation.Refine, "upsampling for --at native: "+strings.Join(pipeline.Refinements, " or "))
	flags.StringSliceVar(&f.data.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.StringSliceVar(&f.data.Splits, "split", nil, "split to use (repeatable; default all)")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func (f *thresholdFlags) check(cmd *cobra.Command) error {
	if !slices.Contains(model.Places(), f.at) {
		return command.Usagef("places are "+strings.Join(model.Places(), ", "), "unknown value %q of --at", f.at)
	}
	if flags := cmd.Flags(); flags.Changed("false-positive-rate") && !flags.Changed("precision") {
		f.want.Precision = 0
	}
	if err := f.want.Check(); err != nil {
		return err
	}
	if f.at == model.AtNetwork && cmd.Flags().Changed("refine") {
		return command.Usagef("leave --refine out", "%s --at network refines nothing", cmd.CommandPath())
	}
	return wantRefinement(f.refine)
}

func (f *thresholdFlags) run(cmd *cobra.Command, folders []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	if err := command.WantWritable(f.out); err != nil {
		return err
	}
	b, err := pipeline.LoadBundle(f.bundle)
	if err != nil {
		return err
	}
	found, err := f.find(cmd, b, folders)
	if err != nil {
		return err
	}
	if err := f.write(b, found); err != nil {
		return err
	}
	warnNotReached(cmd.ErrOrStderr(), found)
	if f.asJSON {
		return command.PrintJSON(cmd.OutOrStdout(), found)
	}
	return writeThresholds(cmd.OutOrStdout(), found)
}

// warnNotReached warns of thresholds that do not keep what is required.
func warnNotReached(w io.Writer, t calibrate.Chosen) {
	for _, m := range t.How.NotReached {
		fmt.Fprintf(w, "warning: no threshold reaches what is required; the greatest has %s\n", m)
	}
}

// writeThresholds prints them in words.
func writeThresholds(out io.Writer, t calibrate.Chosen) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BODY PART\tIMAGES\tTHRESHOLD\tPRECISION\tMEAN OF IMAGES\tWORST IMAGE\tFALSE POSITIVES\tMEAN OF IMAGES\tWORST IMAGE\tTRUE POSITIVES\tMEAN OF IMAGES")
	for _, o := range t.Thresholds {
		part := o.BodyPart
		if part == "" {
			part = "(all)"
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.2f %%\t%.2f %%\t%.2f %%\t%.2f %%\t%.2f %%\t%.2f %%\t%.1f %%\t%.1f %%\n", part, o.Images, o.Threshold,
			100*o.Pixels.Precision, 100*o.PerImage.Precision, 100*o.Least, 100*o.Pixels.FalsePositive, 100*o.PerImage.FalsePositive, 100*o.Worst, 100*o.Pixels.TruePositive, 100*o.PerImage.TruePositive)
	}
	fmt.Fprintf(w, "chosen %s\n", t.How)
	return w.Flush()
}

func (f *thresholdFlags) find(cmd *cobra.Command, b *model.Bundle, folders []string) (calibrate.Chosen, error) {
	effort, err := f.effort.effort()
	if err != nil {
		return calibrate.Chosen{}, err
	}
	s, err := f.model.open(b)
	if err != nil {
		return calibrate.Chosen{}, err
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "counting")
	f.data.Progress = func(done, all int) { _ = bar.Set(1000 * done / all) } // cosmetic
	place := calibrate.Place{Native: f.at == model.AtNative, Guided: pipeline.GuidedFilter(f.refine), Effort: effort,
		Correction: pipeline.Correction(b.Card, effort, f.at, f.refine)}
	found, err := calibrate.Choose(cmd.Context(), folders, f.data, s, place, f.refine, f.want)
	return found, hintedData(errors.Join(err, s.Close()))
}

func (f *thresholdFlags) write(b *model.Bundle, found calibrate.Chosen) error {
	if f.out == "" {
		return nil
	}
	out, err := found.Apply(b, f.version, f.model.library)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(f.out, 0o644, out.Bytes())
}
