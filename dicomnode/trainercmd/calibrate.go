package trainercmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/segment/scales"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// calibrateFlags are those of trainer calibrate.
type calibrateFlags struct {
	model   modelFlags
	opt     evaluate.Options
	bundle  string
	out     string
	data    string
	version string
	mirrors bool
	keep    bool // the weights as they are
	asJSON  bool
}

func trainerCalibrateCmd() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use: "calibrate DATASET… --model BUNDLE --out BUNDLE [--keep-weights] [--json]", Short: "calibrate a model's probabilities on labelled images",
		Long: `Calibrate a model's probabilities on labelled images by temperature and two class
biases. No other parameter is changed, so a dozen images suffice. It prints and
records in the card three accuracies: before calibration, leave-one-out (to be
expected on other images), and on these images (optimistic). This is done for whole
images at the network's 200×200 pixels. In addition a temperature for each effort of
segmentation.effort is fitted at both resolutions and stored in the card;
--keep-weights fits only these. The soft-tissue thresholds of the old model are
invalid afterwards and are reset to the paper's 0.90: choose new ones with
"dicomnode trainer threshold".
` + command.ExitCodes,
		Example: "  dicomnode trainer calibrate data/labelled --model xnet.onnx --out calibrated.onnx",
		Args:    command.WantArgs(1, -1, "labelled data set folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return command.Usagef("for example --out calibrated.onnx", "missing option: --out")
			}
			return f.run(cmd, args)
		},
	}
	f.model.add(cmd)
	cmd.Flags().StringVar(&f.bundle, "model", pipeline.Embedded, "model bundle to correct, or \"embedded\"")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the bundle to write")
	cmd.Flags().StringVar(&f.data, "data", "the calibration folders", "description of the images, for the card")
	cmd.Flags().StringVar(&f.version, "model-version", "", "version in the card (default: the model's, with \"-calibrated\")")
	cmd.Flags().BoolVar(&f.mirrors, "tta-flips", false, "flip test-time augmentation: average over each image and its three mirror images; 4 times the cost")
	cmd.Flags().StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	cmd.Flags().StringSliceVar(&f.opt.Splits, "split", nil, "split to use (repeatable; default all)")
	cmd.Flags().BoolVar(&f.keep, "keep-weights", false, "fit only the temperature of each effort, for the card")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// calibrated is what trainer calibrate prints.
type calibrated struct {
	Bundle      string             `json:"bundle"`
	Digest      string             `json:"digest"`
	Images      int                `json:"images"`
	Calibration *model.Calibration `json:"calibration"`
	Before      scores             `json:"before"`
	Expected    scores             `json:"expected_of_other_images"` // leave-one-out
	After       scores             `json:"after"`                    // on the images of the calibration: optimistic
}

// scores are a few figures at 200×200.
type scores struct {
	Accuracy         float64 `json:"accuracy"`
	WeightedF1       float64 `json:"weighted_f1"`
	CalibrationError float64 `json:"expected_calibration_error,omitempty"` // not of Expected, which counts classes only
	// F1 is that of each class.
	F1 map[string]float64 `json:"f1"`
}

func scoresOf(s evaluate.Summary) scores {
	f1 := map[string]float64{}
	for _, class := range s.Classes {
		f1[class.Name] = class.F1
	}
	return scores{s.Accuracy, s.WeightedF1, s.Calibration.Error, f1}
}

func (c calibrated) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "accuracy %.4f before, %.4f to expect of other images, %.4f on these %d; calibration error %.4f, was %.4f\n",
		c.Before.Accuracy, c.Expected.Accuracy, c.After.Accuracy, c.Images, c.After.CalibrationError, c.Before.CalibrationError)
	if err == nil && c.Expected.Accuracy < c.Before.Accuracy {
		_, err = fmt.Fprintln(w, "note: other images are not expected to gain in accuracy; more images may tell")
	}
	return err
}

func (f *calibrateFlags) run(cmd *cobra.Command, folders []string) error {
	if err := command.WantWritable(f.out); err != nil {
		return err
	}
	samples, err := loadAll(cmd.Context(), folders, f.opt)
	if err != nil {
		return hintedData(err)
	}
	old, err := pipeline.LoadBundle(f.bundle)
	if err != nil {
		return err
	}
	if f.keep {
		return f.efforts(cmd, folders, old, dataset.Digest(samples), len(samples), f.version, nil)
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 3*len(samples), "calibrating")
	opt := calibrate.Options{
		Open:    func(b *model.Bundle) (calibrate.Session, error) { return f.model.open(b) },
		Library: f.model.library, Mirrors: f.mirrors, Version: f.version, Step: func() { _ = bar.Add(1) }, // cosmetic
		Metrics: func(c *calibrate.Calibrated) []model.Metric { return f.metrics(cmd, folders, c) },
	}
	found, err := opt.Correct(cmd.Context(), old, samples)
	if err != nil {
		return hintedData(err)
	}
	return f.efforts(cmd, folders, found.Bundle, dataset.Digest(samples), len(samples), "", func(b *model.Bundle) error {
		shown := calibrated{f.out, b.Digest, len(samples), b.Card.Calibration, scoresOf(found.Before.Summary), scoresOf(found.Expected), scoresOf(found.After.Summary)}
		if f.asJSON {
			return command.PrintJSON(cmd.OutOrStdout(), shown)
		}
		return shown.writeText(cmd.OutOrStdout())
	})
}

// efforts learns how sure each effort should be and writes the bundle; tell prints what was
// learnt besides, nil: nothing was.
func (f *calibrateFlags) efforts(cmd *cobra.Command, folders []string, b *model.Bundle, digest string, images int, version string, tell func(*model.Bundle) error) error {
	s, err := f.model.open(b)
	if err != nil {
		return err
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "calibrating efforts")
	data := f.opt
	data.Progress = func(done, all int) { _ = bar.Set(1000 * done / all) } // cosmetic
	efforts := []scales.Effort{scales.Mirrors, scales.Wide}
	for _, e := range scales.Efforts() {
		efforts = append(efforts, scales.Effort(e))
	}
	refine := configs.Default().Segmentation.Refine
	list, err := calibrate.Efforts(cmd.Context(), folders, data, s, efforts, pipeline.GuidedFilter(refine), refine)
	if err = errors.Join(err, s.Close()); err != nil {
		return hintedData(err)
	}
	if b, err = calibrate.WithEfforts(b, list, images, digest, version, f.model.library); err != nil {
		return err
	}
	if err := durable.ReplaceBytes(f.out, 0o644, b.Bytes()); err != nil {
		return err
	}
	switch {
	case tell != nil:
		err = tell(b)
	case f.asJSON:
		err = command.PrintJSON(cmd.OutOrStdout(), list)
	}
	if err != nil || f.asJSON {
		return err
	}
	for _, e := range list {
		fmt.Fprintf(cmd.OutOrStdout(), "effort %s at %s pixels: logits × %.3f\n", e.Effort, e.At, e.Scale)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s written, digest %s\n", f.out, b.Digest)
	return err
}

// metrics are the figures of the card, each with the command that prints it.
func (f *calibrateFlags) metrics(cmd *cobra.Command, folders []string, c *calibrate.Calibrated) []model.Metric {
	this := repeat(cmd, folders)
	again := score(folders[0], f.opt)
	if len(folders) > 1 { // evaluate scores one
		again = this + " --json"
	}
	same := f.data + ", the images of the calibration: optimistic"
	list := []model.Metric{
		{Name: "weighted pixel accuracy at 200×200", Value: c.After.Accuracy, Data: same, Command: again},
		{Name: "the same, leave-one-out", Value: c.Expected.Accuracy, Data: f.data, Command: this},
		{Name: "the same, before calibration", Value: c.Before.Accuracy, Data: f.data, Command: this},
		{Name: "weighted F1", Value: c.After.WeightedF1, Data: same, Command: again},
	}
	for _, class := range c.After.Classes {
		list = append(list, model.Metric{Name: "F1 of " + class.Name, Value: class.F1, Data: same, Command: again})
	}
	return append(list, model.Metric{Name: "expected calibration error", Value: c.After.Calibration.Error, Data: same, Command: again})
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
