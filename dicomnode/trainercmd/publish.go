package trainercmd

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/hint"
	"dicomnode/model"
	"dicomnode/segment/scales"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/evaluate"
)

// publishFlags are those of trainer publish.
type publishFlags struct {
	config, device string
	data           []string
	choose         evaluate.Options
	force, asJSON  bool
}

func trainerPublishCmd() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use: "publish BUNDLE --config FILE --data DATASET [--force] [--json]", Short: "put a model into use in the node",
		Long: `Check a bundle, run its golden image on this machine, compare it with the model
in use on a labelled data set, and copy it into the models of the node's data
folder. A running node with model: {bundle: published}, the default, uses it from
its next image on. "dicomnode model rollback" returns to the previous model.

A model that is significantly worse (the 95 % bootstrap interval over images of the
difference in accuracy, at 200×200 pixels, lies below 0), or that is not tested
because --data is missing, is refused, unless --force is given.
` + command.ExitCodes,
		Example: "  dicomnode trainer publish xnet.onnx --config dicomnode.yaml --data mydata --split test",
		Args:    command.WantArgs(1, 1, "one bundle"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	command.ConfigFlag(cmd, &f.config)
	flags := cmd.Flags()
	flags.StringVar(&f.device, "device", "", "auto, cpu or cuda (default: the configuration's)")
	flags.StringSliceVar(&f.data, "data", nil, "labelled data set folder on which it is compared with the model in use (repeatable)")
	flags.StringSliceVar(&f.choose.Splits, "split", nil, "split of --data to use (repeatable; default all)")
	flags.StringSliceVar(&f.choose.Exclude, "exclude", nil, "pattern of ids of --data to leave out (repeatable)")
	flags.BoolVar(&f.force, "force", false, "publish a model that is worse, or untested")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *publishFlags) run(cmd *cobra.Command, name string) error {
	if len(f.data) == 0 && !f.force {
		return command.Usagef("--data DATASET compares it with the model in use; --force publishes it untested", "missing option: --data")
	}
	c, err := command.LoadConfig(f.config)
	if err != nil {
		return err
	}
	if f.device != "" {
		c.Model.Device = f.device
	}
	b, err := tryBundle(c, name)
	if err != nil {
		return err
	}
	trial, err := f.trial(cmd, c, b)
	if err != nil {
		return err
	}
	if trial != nil && trial.Worse() && !f.force {
		return hint.Add(fmt.Errorf("%s %s is not published: its accuracy on %d images is %.4f, that of the model in use %.4f; the 95 %% interval of the difference is %.4f to %.4f",
			b.Card.Name, b.Card.Version, trial.Images, trial.Candidate.Accuracy, trial.InUse.Accuracy, trial.Accuracy.Low, trial.Accuracy.High), "--force publishes it all the same")
	}
	if err := pipeline.ModelStore(c).Publish(b); err != nil {
		return err
	}
	return f.tell(cmd.OutOrStdout(), c, b, trial)
}

// trial holds b against the model in use; nil without --data.
func (f *publishFlags) trial(cmd *cobra.Command, c configs.Config, b *model.Bundle) (*compare.Trial, error) {
	if len(f.data) == 0 {
		return nil, nil
	}
	inUse, err := pipeline.ConfiguredBundle(c)
	if err != nil {
		return nil, err
	}
	samples, err := loadAll(cmd.Context(), f.data, f.choose)
	if err != nil {
		return nil, hintedData(err)
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 2*len(samples), "comparing")
	opt := compare.Options{Seed: 1, Progress: func(done, _ int) { _ = bar.Set(done) }} // cosmetic
	t, err := compare.Try(cmd.Context(), samples, entryOf("in use", inUse, c), entryOf("candidate", b, c), opt)
	return t, hintedData(err)
}

// entryOf is a bundle as the configuration would run it.
func entryOf(name string, b *model.Bundle, c configs.Config) compare.Entry {
	m := &compare.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: b.Digest}
	return compare.Entry{Identity: compare.Identity{Name: name, Kind: compare.KindNetwork, Model: m}, Open: func() (compare.Segmenter, error) {
		s, err := pipeline.OpenBundle(b, model.Regions, c.Model)
		if err != nil {
			return nil, err
		}
		m.Device = s.Device()
		return closingNetwork{&compare.Network{Predictor: s, Effort: scales.Effort(c.Segmentation.Effort)}, s}, nil
	}}
}

// tell prints what was published and how it compares.
func (f *publishFlags) tell(out io.Writer, c configs.Config, b *model.Bundle, t *compare.Trial) error {
	used := c.Model.Bundle == pipeline.Published
	if f.asJSON {
		return command.PrintJSON(out, struct {
			Name    string         `json:"name"`
			Version string         `json:"version"`
			Digest  string         `json:"digest"`
			Used    bool           `json:"used"` // by a node with this configuration
			Trial   *compare.Trial `json:"trial,omitempty"`
		}{b.Card.Name, b.Card.Version, b.Digest, used, t})
	}
	var errs []error
	print := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format, args...)
		errs = append(errs, err)
	}
	if t != nil {
		errs = append(errs, writeTrial(out, t))
	} else {
		print("not tested against the model in use\n")
	}
	print("%s %s published, digest %s\n", b.Card.Name, b.Card.Version, b.Digest)
	if !used {
		print("the node does not use it: its configuration says model: {bundle: %s}, not published\n", c.Model.Bundle)
	}
	return errors.Join(errs...)
}

func writeTrial(out io.Writer, t *compare.Trial) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tmodel\taccuracy\tF1 open beam\tsoft tissue\tbone\t\n")
	for _, r := range []compare.Row{t.InUse, t.Candidate} {
		fmt.Fprintf(w, "%s\t%s %s\t%.4f\t%.4f\t%.4f\t%.4f\t\n", r.Name, r.Model.Name, r.Model.Version, r.Accuracy, r.Classes[0].F1, r.Classes[1].F1, r.Classes[2].F1)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "difference of accuracy on %d images %+.4f, 95 %% %+.4f to %+.4f\n", t.Images, t.Accuracy.Value, t.Accuracy.Low, t.Accuracy.High)
	return err
}

// tryBundle loads a bundle and runs its golden image.
func tryBundle(c configs.Config, name string) (*model.Bundle, error) {
	c.Model.Bundle = name
	s, _, err := pipeline.OpenModel(c)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return pipeline.LoadBundle(name)
}
