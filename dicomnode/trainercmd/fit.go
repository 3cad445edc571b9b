package trainercmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
	"dicomnode/internal/option"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/fit"
	"dicomnode/trainer/simulate"
)

// fitFlags are those of trainer fit.
type fitFlags struct {
	model         modelFlags
	opt           fit.Options
	classWeights  []float64
	init          string
	mirrors       bool
	out           string
	target        string
	name, version string
	description   string
	licence       string
	attributions  []string
	paper, json   bool
	elastic       float64
	half          bool   // half precision
	augment       string // one of augmentWords
}

func trainerFitCmd() *cobra.Command {
	var f fitFlags
	cmd := &cobra.Command{
		Use: "fit DATASET… --out BUNDLE [--paper] [--checkpoint FILE] [--curve CSV] [--json]", Short: "train a model on labelled data sets",
		Long: `Train XNet, or with --architecture another network for comparison, on data set
folders (dataset.csv, images, labels) and write a model bundle. The length of the run
is one of --steps, --epochs and --duration. Images of split "train" or without a
split are trained on. Images of split "val", or of --validation, are validated each
epoch with --epochs, otherwise every 500 steps; --every and --every-epochs change
this. The best checkpoint is exported: by default that with the lowest validation
loss (cross-entropy of the labelled pixels), as in the paper, with --stop-on accuracy
that with the highest accuracy. --patience stops a run that does not improve.
Images are read when needed. All are also read once during the first steps, so that
a damaged one ends the run early. They must not change during the run. With
--checkpoint an interrupted or killed run resumes when the command is repeated;
with --finish it ends where it was, and the bundle is written.

--paper trains as in the paper: width 64, batch 5, Adam at a constant 1e-4
(--schedule constant, --warm-up=-1), L2 5e-4, validation each epoch, patience 20,
no moving average of the parameters; at most 500 epochs. Each of these options can
be overridden; the first line of the output shows the settings in effect.

--curve writes the learning curve as a CSV file and as an SVG file with the same
name. With --json each validation and the end of the run are lines of JSON.
` + command.ExitCodes,
		Example: `  dicomnode trainer fit data/simulated --width 16 --epochs 10 --out xnet.onnx
  dicomnode trainer fit data/augmented --validation data/ours --paper --checkpoint run.ckpt --curve run.csv --out xnet64.onnx`,
		Args: command.WantArgs(1, -1, "data set folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.complete(cmd, args); err != nil {
				return err
			}
			return f.run(cmd)
		},
	}
	f.add(cmd)
	return cmd
}

// complete makes the options that the command line asks for.
func (f *fitFlags) complete(cmd *cobra.Command, args []string) error {
	if f.paper {
		f.asPaper(cmd.Flags())
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	if err := command.WantWritable(f.out, f.opt.Checkpoint, f.opt.Curve); err != nil {
		return err
	}
	copy(f.opt.ClassWeights[:], f.classWeights)
	f.opt.Target = targetNames[f.target]
	augment := augmentations[f.augment]
	if cmd.Flags().Changed("elastic") {
		augment.Elastic = f.elastic
	}
	f.opt.Augment = &augment
	f.opt.Data = args
	f.opt.Device, f.opt.Library, f.opt.Threads = f.model.device, f.model.library, f.model.threads
	return f.start(cmd)
}

// check refuses what is missing and words that are none of those known.
func (f *fitFlags) check(cmd *cobra.Command) error {
	switch o := f.opt; {
	case f.out == "":
		return command.Usagef("for example --out xnet.onnx", "missing option: --out")
	case o.Steps == 0 && o.Epochs == 0 && o.Duration == 0:
		return command.Usagef("for example --epochs 10", "missing option: --steps, --epochs or --duration")
	case len(f.classWeights) != len(o.ClassWeights):
		return command.Usagef("for example --class-weights 1,1,0.7", "--class-weights has %d numbers; 3 required", len(f.classWeights))
	case !slices.Contains(targetWords, f.target):
		return command.Usagef("--target is "+strings.Join(targetWords, " or "), "unknown value %q of --target", f.target)
	case !slices.Contains(augmentWords, f.augment):
		return command.Usagef("--augment is on, upright or off", "unknown value %q of --augment", f.augment)
	case f.augment == "off" && cmd.Flags().Changed("elastic"):
		return option.Refuse("augment elastic", "off varies nothing: leave --elastic out")
	}
	return f.checkNumbers()
}

// checkNumbers refuses what the options would take for a default.
func (f *fitFlags) checkNumbers() error {
	o := f.opt
	for _, n := range []struct {
		name  string
		value any
		ok    bool
		want  string
	}{
		{"width", o.Width, o.Width >= 1, "at least 1"},
		{"batch", o.Batch, o.Batch >= 1, "at least 1"},
		{"learning-rate", o.LearningRate, o.LearningRate > 0, "more than 0"},
	} {
		if !n.ok {
			return command.Usagef("leave out what should be as usual", "--%s %v: want %s", n.name, n.value, n.want)
		}
	}
	return nil
}

// augmentWords are the values of --augment, augmentations what they stand for.
var (
	augmentWords  = []string{"on", "upright", "off"}
	augmentations = map[string]fit.Augmentation{"on": fit.DefaultAugmentation, "upright": fit.UprightAugmentation, "off": {}}
)

// targetWords are the values of --target, targetNames what they stand for.
var (
	targetWords = []string{"regions", "field"}
	targetNames = map[string]model.Target{"regions": model.Regions, "field": model.Field}
)

func (f *fitFlags) add(cmd *cobra.Command) {
	f.model.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.mirrors, "tta-flips", false, "flip test-time augmentation: the model averages over each image and its three mirror images; 4 times the cost at inference")
	flags.StringVarP(&f.out, "out", "o", "", "the bundle to write")
	flags.StringVar(&f.init, "init", "", "bundle to start from instead of random parameters, for fine-tuning; with a larger --width it is widened first, and an XNet deepened with --architecture xnet-deep")
	flags.Float64SliceVar(&f.opt.Shares, "sampling-weights", nil, "share of each DATASET in the training pictures, for example 0.6,0.4 (default: every picture once per epoch)")
	flags.StringVar(&f.target, "target", targetWords[0], "target: regions (open beam, soft tissue, bone) or field (the exposed field, for data sets of trainer simulate --field)")
	flags.StringVar(&f.opt.Architecture, "architecture", "xnet", "network to train: "+strings.Join(model.Architectures(), ", ")+" (default with --init: the bundle's)")
	flags.IntVar(&f.opt.Width, "width", 16, "filters at full resolution: 64 is the paper's")
	flags.StringVar(&f.opt.Fast, "fast", fit.FastAuto, "train on blocked feature maps on a CPU that supports it: auto or off")
	flags.IntVar(&f.opt.Batch, "batch", 5, "pictures per step")
	flags.BoolVar(&f.half, "half-precision", false, "store the kernels in half precision, in half the bytes; the network still computes in single precision")
	flags.IntVar(&f.opt.Together, "steps-per-run", 0, "training steps in one run of ONNX Runtime, which keep the parameters on the GPU; does not change the result; 0: 8 on a GPU, 1 on the CPU")
	flags.IntVar(&f.opt.Steps, "steps", 0, "length of the run in steps")
	flags.Float64Var(&f.opt.Epochs, "epochs", 0, "length of the run in passes over the data")
	flags.DurationVar(&f.opt.Duration, "duration", 0, "length of the run in time")
	flags.BoolVar(&f.paper, "paper", false, "settings of the paper; other options override them")
	flags.Float64Var(&f.opt.LearningRate, "learning-rate", 1e-3, "peak learning rate")
	flags.StringVar(&f.opt.Schedule, "schedule", fit.Cosine, "learning rate after the warm-up: cosine, down to 1 %, or constant")
	flags.IntVar(&f.opt.WarmUp, "warm-up", 100, "steps in which the learning rate rises; negative: none")
	flags.Float64Var(&f.opt.L2, "l2", 0, "weight of the squared L2 norm of the kernels in the loss")
	flags.Float64SliceVar(&f.classWeights, "class-weights", []float64{1, 1, 1}, "weights in the loss of open beam, soft tissue and bone; with --target field of unexposed, open beam and attenuated")
	flags.Float64Var(&f.opt.AverageDecay, "average-decay", 0.998, "decay of the moving average of the parameters that is exported; negative: no average")
	flags.Float64Var(&f.opt.Smoothing, "smoothing", 0, "label smoothing, 0 to 1")
	flags.StringVar(&f.augment, "augment", augmentWords[0], "augment during training: on; upright for images of trunk and head, which are not turned by 90 degrees; or off for data sets that trainer augment made")
	flags.Float64Var(&f.elastic, "elastic", fit.DefaultElastic, "largest elastic displacement of the augmentation, in pixels of the 200x200; 0: none")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of everything random")
	flags.StringSliceVar(&f.opt.Validation, "validation", nil, "data set folder for validation, its split \"val\" or all (repeatable; default: the data sets' split \"val\")")
	flags.StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.IntVar(&f.opt.Every, "every", 0, "steps between validations; 0 is 500, or an epoch with --epochs")
	flags.Float64Var(&f.opt.EveryEpochs, "every-epochs", 0, "epochs between validations, instead of --every")
	flags.StringVar(&f.opt.StopOn, "stop-on", fit.Loss, "metric on the validation images that selects the best checkpoint: loss or accuracy")
	flags.IntVar(&f.opt.Patience, "patience", 0, "validations without improvement before stopping; 0 never stops")
	flags.IntVar(&f.opt.Recalibrate, "batch-norm-batches", 100, "batches for the re-estimation of batch normalisation statistics, for each validation and the bundle")
	flags.StringVar(&f.opt.Checkpoint, "checkpoint", "", "file to save to and to resume from")
	flags.BoolVar(&f.opt.Finish, "finish", false, "end an interrupted run where its --checkpoint is, and write the bundle")
	flags.IntVar(&f.opt.Memory, "memory", 128, "MiB of decoded pictures to keep; others are decoded each time they are used")
	flags.StringVar(&f.opt.Curve, "curve", "", "CSV file of the learning curve; also drawn in an SVG file with the same name")
	flags.BoolVar(&f.json, "json", false, "print JSON, one line for each validation and one at the end")
	flags.StringVar(&f.name, "name", "", "name in the model card (default: the network and its width, as XNet-16)")
	flags.StringVar(&f.version, "model-version", "1", "version in the model card")
	flags.StringVar(&f.description, "description", "trained with dicomnode trainer fit", "description of the training, for the card")
	flags.StringVar(&f.licence, "licence", "all rights reserved", "licence in the card (default with --init: the bundle's)")
	flags.StringArrayVar(&f.attributions, "attribution", nil, "attribution in the card (repeatable; default with --init: the bundle's)")
}

// start reads the bundle to start from; its network, perhaps wider or deeper, is the run's.
func (f *fitFlags) start(cmd *cobra.Command) error {
	if f.init == "" {
		return nil
	}
	b, err := pipeline.LoadBundle(f.init)
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("width") {
		f.opt.Width = 0
	}
	if !cmd.Flags().Changed("architecture") {
		f.opt.Architecture = ""
	}
	f.inherit(cmd, b.Card)
	return hint.Add(f.opt.StartFrom(b), "leave --width and --architecture out to keep those of "+f.init)
}

// inherit takes over the terms of the bundle to start from, whose work the result
// is too, unless the command line gives others, and the way it is averaged.
func (f *fitFlags) inherit(cmd *cobra.Command, card model.Card) {
	if !cmd.Flags().Changed("licence") {
		f.licence = card.Licence
	}
	if !cmd.Flags().Changed("attribution") {
		f.attributions = card.Attributions
	}
	if !cmd.Flags().Changed("tta-flips") {
		f.mirrors = card.Average == model.AverageMirrors
	}
}

func (f *fitFlags) run(cmd *cobra.Command) error {
	report := newFitReport(cmd.OutOrStdout(), cmd.ErrOrStderr(), f.json)
	f.opt.Reading = report.read
	if f.paper {
		report.settings(f.opt)
	}
	simulators, err := simulatorsOf(f.opt.Data)
	if err != nil {
		return hintedData(err) // before anything is spent on it
	}
	res, err := fit.Run(cmd.Context(), f.opt, report.step)
	if err := errors.Join(err, report.err); err != nil {
		return hintedFit(err, f.opt.Checkpoint)
	}
	card := f.card(cmd, res)
	card.Training.Simulators = simulators
	res.Weights.Half = f.half
	b, err := model.Export(res.Weights, card, f.model.library)
	if err != nil {
		return fmt.Errorf("export model: %w", err)
	}
	if err := durable.ReplaceBytes(f.out, 0o644, b.Bytes()); err != nil {
		return err
	}
	return report.done(f.out, b, res)
}

// hintedFit says what to do about what a run cannot go on with.
func hintedFit(err error, checkpoint string) error {
	switch {
	case errors.Is(err, context.Canceled) && checkpoint != "":
		return hint.Add(err, GoesOn+"; with --finish it ends the run there and writes the bundle")
	case errors.Is(err, fit.ErrNothingToFinish):
		return hint.Add(err, "--finish needs the --checkpoint and the other options of a run that was interrupted")
	case errors.Is(err, context.Canceled):
		return hint.Add(err, "with --checkpoint FILE an interrupted run can resume")
	case errors.Is(err, fit.ErrOtherRun):
		return hint.Add(err, "use the options and data of the first call, or another --checkpoint")
	case errors.Is(err, fit.ErrEarlierFormat):
		return hint.Add(err, "resume with the version that began the run, or begin again with another --checkpoint")
	case errors.Is(err, fit.ErrNoCheckpoint):
		return hint.Add(err, "--checkpoint names the file that the run writes and resumes from: give another name")
	case errors.Is(err, ort.ErrNoLibrary):
		return hint.Add(err, namesLibrary)
	case errors.Is(err, fit.ErrNoValidation):
		return hint.Add(err, "\"dicomnode trainer split\" chooses validation images; --validation names another folder")
	}
	return hintedData(err)
}

// simulatorsOf lists the versions of the simulator that drew the pictures of data sets.
func simulatorsOf(folders []string) (versions []int, err error) {
	for _, folder := range folders {
		v, err := simulate.VersionOf(folder)
		if err != nil {
			return nil, err
		}
		if v > 0 && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	return versions, nil
}

// card is what the run says of itself and what the command line adds.
func (f *fitFlags) card(cmd *cobra.Command, res *fit.Result) model.Card {
	card := f.opt.Describe(res, repeat(cmd, f.opt.Data))
	if f.name != "" {
		card.Name = f.name
	}
	card.Version, card.Licence, card.Attributions, card.Training.Description = f.version, f.licence, f.attributions, f.description
	if f.mirrors {
		card.Average = model.AverageMirrors
	}
	for i := range card.Metrics {
		card.Metrics[i].Command = f.score(card.Training.Command, res)
	}
	return card
}

// score is the command line that prints the figures of the run's validation again. Only the run
// does for a field, several folders, or a bundle that predicts otherwise than the run.
func (f *fitFlags) score(run string, res *fit.Result) string {
	if f.opt.Target == model.Field || len(res.Validated) != 1 || f.mirrors || f.half {
		return run + " --json"
	}
	part, opt := res.Validated[0], evaluate.Options{Exclude: f.opt.Exclude}
	if part.Split != "" {
		opt.Splits = []string{part.Split}
	}
	return score(part.Folder, opt)
}
