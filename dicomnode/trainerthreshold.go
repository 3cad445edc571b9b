package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// thresholdFlags are those of trainer threshold.
type thresholdFlags struct {
	model   modelFlags
	opt     evaluate.Options
	bundle  string
	out     string
	version string
	rate    float64
	images  int
	asJSON  bool
}

func trainerThresholdCmd() *cobra.Command {
	var f thresholdFlags
	cmd := &cobra.Command{
		Use: "threshold DATASET… --model BUNDLE [--out BUNDLE]", Short: "choose soft-tissue thresholds for a false-positive rate",
		Long: `Find, over all images and for each body part with enough of them, the least
probability of soft tissue that keeps the false-positive rate where it is wanted,
and write it into the bundle: the node's segment of high-precision soft tissue
holds what reaches it. Use images that the model was not trained on.
` + exitCodes,
		Example: "  dicomnode trainer threshold data/labelled --split val --model xnet.onnx --false-positive-rate 0.03 --out xnet-3.onnx",
		Args:    wantArgs(1, -1, "labelled data set folders"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.model.add(cmd)
	cmd.Flags().StringVar(&f.bundle, "model", embedded, "model bundle, or \"embedded\"")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the bundle to write; empty prints only")
	cmd.Flags().StringVar(&f.version, "model-version", "", "version in the card (default: the model's)")
	cmd.Flags().Float64Var(&f.rate, "false-positive-rate", 0.03, "greatest share of open beam and bone called soft tissue")
	cmd.Flags().IntVar(&f.images, "least-images", 5, "images of a body part that has a threshold of its own")
	cmd.Flags().StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	cmd.Flags().StringSliceVar(&f.opt.Splits, "split", nil, "split to use (repeatable; default all)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *thresholdFlags) run(cmd *cobra.Command, folders []string) error {
	b, err := loadBundle(f.bundle)
	if err != nil {
		return err
	}
	samples, err := loadAll(cmd.Context(), folders, f.opt)
	if err != nil {
		return err
	}
	list, err := f.find(cmd.Context(), b, samples)
	if err != nil {
		return err
	}
	if err := f.write(b, list); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BODY PART\tIMAGES\tTHRESHOLD\tFALSE POSITIVES\tTRUE POSITIVES")
	for _, o := range list {
		part := o.BodyPart
		if part == "" {
			part = "(all)"
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.2f %%\t%.1f %%\n", part, o.Images, o.Threshold, 100*o.FalsePositiveRate, 100*o.TruePositiveRate)
	}
	return w.Flush()
}

func (f *thresholdFlags) find(ctx context.Context, b *model.Bundle, samples []*dataset.Sample) ([]calibrate.Operating, error) {
	s, err := f.model.open(b)
	if err != nil {
		return nil, err
	}
	pictures, err := calibrate.Predict(ctx, samples, s)
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return calibrate.FindThresholds(pictures, f.rate, f.images)
}

func (f *thresholdFlags) write(b *model.Bundle, list []calibrate.Operating) error {
	if f.out == "" {
		return nil
	}
	w, err := b.Weights()
	if err != nil {
		return err
	}
	card := b.Card
	card.SoftTissue = calibrate.Thresholds(list)
	if f.version != "" {
		card.Version = f.version
	}
	out, err := model.Export(w, card, f.model.library)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(f.out, 0o644, out.Bytes())
}

// loadAll reads the samples of several folders.
func loadAll(ctx context.Context, folders []string, opt evaluate.Options) (all []*dataset.Sample, err error) {
	for _, folder := range folders {
		samples, _, err := evaluate.Load(ctx, folder, opt)
		if err != nil {
			return nil, err
		}
		all = append(all, samples...)
	}
	return all, nil
}
