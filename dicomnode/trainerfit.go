package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/model"
	"dicomnode/trainer/fit"
)

// fitFlags are those of trainer fit.
type fitFlags struct {
	model         modelFlags
	opt           fit.Options
	classWeights  []float64
	init          string
	mirrors       bool
	out           string
	name, version string
	description   string
	licence       string
	attributions  []string
}

func trainerFitCmd() *cobra.Command {
	var f fitFlags
	cmd := &cobra.Command{
		Use: "fit DATASET… --out BUNDLE", Short: "train a model on labelled data sets",
		Long: `Train XNet, or with --architecture one of the networks it is compared with, on
data set folders (dataset.csv, images, labels) and write a model bundle. The length of the run is one of --steps, --epochs and --duration. Images
of split "train" or of none are trained on; those of split "val", or of
--validation, are scored on the way, and the parameters that score best are kept.
An interrupted run with --checkpoint goes on where it was.
` + exitCodes,
		Example: "  dicomnode trainer fit data/simulated --width 16 --epochs 10 --out xnet.onnx",
		Args:    wantArgs(1, -1, "data set folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return usagef("for example --out xnet.onnx", "%s wants --out", cmd.CommandPath())
			}
			if f.opt.Steps == 0 && f.opt.Epochs == 0 && f.opt.Duration == 0 {
				return usagef("for example --epochs 10", "%s wants --steps, --epochs or --duration", cmd.CommandPath())
			}
			if len(f.classWeights) != len(f.opt.ClassWeights) {
				return usagef("for example --class-weights 1,1,0.7", "%s wants three class weights", cmd.CommandPath())
			}
			if !slices.Contains(model.Architectures(), f.opt.Architecture) {
				return usagef("architectures are "+strings.Join(model.Architectures(), ", "), "unknown architecture %q", f.opt.Architecture)
			}
			if f.opt.Fast != fit.FastAuto && f.opt.Fast != fit.FastOff {
				return usagef("--fast is auto or off", "--fast %q is neither", f.opt.Fast)
			}
			copy(f.opt.ClassWeights[:], f.classWeights)
			if err := f.start(cmd); err != nil {
				return err
			}
			f.opt.Data = args
			f.opt.Device, f.opt.Library, f.opt.Threads = f.model.device, f.model.library, f.model.threads
			return f.run(cmd)
		},
	}
	f.add(cmd)
	return cmd
}

func (f *fitFlags) add(cmd *cobra.Command) {
	f.model.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.mirrors, "average-mirrors", false, "the model averages over the mirror images of each image: 4 times the work when it is used")
	flags.StringVarP(&f.out, "out", "o", "", "the bundle to write")
	flags.StringVar(&f.init, "init", "", "bundle to start from instead of random parameters, for fine-tuning")
	flags.Float64SliceVar(&f.opt.Shares, "shares", nil, "share of each DATASET in the pictures seen, for example 0.6,0.4 (default: every picture once an epoch)")
	flags.StringVar(&f.opt.Architecture, "architecture", "xnet", "network to train: "+strings.Join(model.Architectures(), ", "))
	flags.IntVar(&f.opt.Width, "width", 16, "filters at full resolution: 64 is the paper's")
	flags.StringVar(&f.opt.Fast, "fast", fit.FastAuto, "on the CPU train on blocked feature maps where they suit network and processor: auto or off")
	flags.IntVar(&f.opt.Batch, "batch", 5, "pictures per step")
	flags.IntVar(&f.opt.Steps, "steps", 0, "length of the run in steps")
	flags.Float64Var(&f.opt.Epochs, "epochs", 0, "length of the run in passes over the data")
	flags.DurationVar(&f.opt.Duration, "duration", 0, "length of the run in time")
	flags.Float64Var(&f.opt.LearningRate, "learning-rate", 1e-3, "peak learning rate")
	flags.Float64Var(&f.opt.L2, "l2", 0, "weight of the kernels' squares in the loss")
	flags.Float64SliceVar(&f.classWeights, "class-weights", []float64{1, 1, 1}, "of open beam, soft tissue and bone in the loss")
	flags.Float64Var(&f.opt.AverageDecay, "average-decay", 0.998, "of the moving average of the parameters that is exported")
	flags.Float64Var(&f.opt.Smoothing, "smoothing", 0, "label smoothing, 0 to 1")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of everything random")
	flags.StringSliceVar(&f.opt.Validation, "validation", nil, "data set folder to score while training, its split \"val\" or all (repeatable; default: the data sets' split \"val\")")
	flags.StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.IntVar(&f.opt.Every, "every", 0, "steps between scores; 0 is 500")
	flags.IntVar(&f.opt.Patience, "patience", 0, "scores without a better one before stopping; 0 never stops")
	flags.StringVar(&f.opt.Checkpoint, "checkpoint", "", "file to save to and to go on from")
	flags.StringVar(&f.opt.Curve, "curve", "", "CSV file of the learning curve")
	flags.StringVar(&f.name, "name", "", "name in the model card (default: the network and its width, as XNet-16)")
	flags.StringVar(&f.version, "model-version", "1", "version in the model card")
	flags.StringVar(&f.description, "description", "trained with dicomnode trainer fit", "what it was trained on, for the card")
	flags.StringVar(&f.licence, "licence", "all rights reserved", "licence in the card")
	flags.StringArrayVar(&f.attributions, "attribution", nil, "attribution in the card (repeatable)")
}

// start reads the bundle to start from; its network is the run's.
func (f *fitFlags) start(cmd *cobra.Command) error {
	if f.init == "" {
		return nil
	}
	b, err := loadBundle(f.init)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("width") && f.opt.Width != b.Card.Width {
		return usagef("leave --width out: it is the bundle's", "%s has width %d, not %d", f.init, b.Card.Width, f.opt.Width)
	}
	if cmd.Flags().Changed("architecture") && f.opt.Architecture != b.Card.Architecture {
		return usagef("leave --architecture out: it is the bundle's", "%s is of %s, not %s", f.init, b.Card.Architecture, f.opt.Architecture)
	}
	w, err := b.Weights()
	f.opt.Architecture, f.opt.Width, f.opt.Init = b.Card.Architecture, b.Card.Width, &w
	return err
}

func (f *fitFlags) run(cmd *cobra.Command) error {
	bar := newProgress(cmd.ErrOrStderr(), 1000, "training")
	res, err := fit.Run(cmd.Context(), f.opt, func(p fit.Progress) {
		_ = bar.Set(int(1000 * p.Share)) // cosmetic
		if p.Validation != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "step %d: loss %.4f, accuracy %.4f\n", p.Step, p.Loss, p.Validation.Accuracy)
		}
	})
	if err != nil {
		return err
	}
	b, err := model.Export(res.Weights, f.card(cmd, res), f.model.library)
	if err != nil {
		return fmt.Errorf("export model: %w", err)
	}
	if err := os.WriteFile(f.out, b.Bytes(), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s written after %d steps on %d images, digest %s\n", f.out, res.Steps, res.Images, b.Digest)
	return err
}

// card describes the run; what the network dictates is filled in on export.
func (f *fitFlags) card(cmd *cobra.Command, res *fit.Result) model.Card {
	name := f.name
	if name == "" {
		name = res.Weights.Network.String()
	}
	card := model.Card{
		Name: name, Version: f.version, Licence: f.licence, Attributions: f.attributions,
		Training:   model.Training{Description: f.description, Digest: res.Digest, Images: res.Images, Seed: f.opt.Seed, Command: repeat(cmd, f.opt.Data)},
		SoftTissue: model.Thresholds{Threshold: 0.90},
	}
	if f.mirrors {
		card.Average = model.AverageMirrors
	}
	if res.Validation != nil {
		card.Metrics = []model.Metric{{Name: "pixel accuracy at 200×200", Value: res.Validation.Accuracy, Data: "the validation folders",
			Command: "dicomnode trainer evaluate DATASET --model BUNDLE"}}
	}
	return card
}
