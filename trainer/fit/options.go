package fit

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dicomnode/internal/option"
	"dicomnode/model"
	"dicomnode/trainer/dataset"
)

// Options says what to train on and how. Data and one of Steps, Epochs and
// Duration are required; Defaults fills what is zero.
type Options struct {
	Data    []string  // data set folders; items of split "" and "train" are used
	Shares  []float64 // of each folder in the pictures seen; nil: every item once per epoch
	Exclude []string  // patterns of ids to leave out of Data and Validation, as in path.Match

	Target       model.Target `json:",omitempty"` // what to learn; model.Field wants data with the column dataset.FieldColumn
	Architecture string       `json:",omitempty"` // one of model.Architectures; "": xnet
	Width        int          // filters at full resolution; 0: 16
	Batch        int          // pictures per step; 0: 5

	Steps    int           // length of the run in steps
	Epochs   float64       // or in passes over the data
	Duration time.Duration // or in time: the learning rate then follows the clock, and a run cannot be repeated exactly

	LearningRate float64                  // peak; 0: 1e-3
	WarmUp       int                      // steps of linear warm-up; 0: 100, negative: none
	Schedule     string                   `json:",omitempty"` // Cosine or Constant; "": Cosine
	L2           float64                  // λ of λ‖kernels‖² in the loss; 0: none. The paper's is 5e-4
	ClassWeights [dataset.Classes]float64 // of the loss, by true class; all 0: equal
	Smoothing    float64                  // label smoothing, 0 to 1
	AverageDecay float64                  // of the exponential moving average that is exported; 0: 0.998, negative: the last parameters
	Augment      *Augmentation            // nil: DefaultAugmentation
	Seed         uint64

	Validation  []string // folders scored while training, their split "val" or else all of them; nil: the split "val" of Data. The best parameters are exported
	Every       int      // steps between validations; 0: EveryEpochs, or 500 steps when that is 0 too
	EveryEpochs float64  `json:",omitempty"` // passes over the data between validations; 0: 1 when Epochs and not Every is given
	StopOn      string   `json:",omitempty"` // what Patience watches and the best parameters are best in: Loss or Accuracy; "": Loss
	Patience    int      // validations without a better one before stopping; 0: never

	Init       *model.Weights // parameters to start from; nil: random
	Checkpoint string         // file to save to and to resume from; empty: none
	Finish     bool           `json:"-"` // end the run where its checkpoint is
	Save       int            // steps between checkpoints; 0: 500
	Curve      string         // CSV file of the learning curve, drawn in an SVG file beside it; empty: none

	Reading func(done, total int) `json:"-"`          // called after each image of the first pass over the data, from one goroutine of Run's; may be nil
	Memory  int                   `json:",omitempty"` // MiB of pictures kept decoded, others are decoded each time; 0: 128

	Threads     int    // of ONNX Runtime; 0: one per core
	Device      string // "auto", "cpu" or "cuda"; "": auto
	Fast        string `json:",omitempty"` // FastAuto or FastOff: whether the CPU may train on blocked feature maps; "": auto. A resumed run stays on its path
	Together    int    `json:",omitempty"` // steps in one run of ONNX Runtime, between which a device keeps the parameters; changes no result; 0: 8 on a device, 1 on the CPU
	Library     string // ONNX Runtime's library; "": searched for
	Recalibrate int    // batches for the statistics of what is exported; 0: 100
}

const defaultArchitecture = "xnet"

// What Options.StopOn watches. The validation loss is the paper's (section 4.2); it
// hears of a change before a pixel changes sides, and doubts as well as errors
// count in it. It is the cross-entropy without the L2 term, which says nothing of
// the images.
const (
	Loss     = "loss"
	Accuracy = "accuracy"
)

// Learning rates of Options.Schedule.
const (
	Cosine   = "cosine"   // half a cosine down to 1 % of the peak
	Constant = "constant" // the paper's
)

// network is what is to be trained.
func (o Options) network() model.Network {
	return model.Network{Architecture: o.Architecture, Width: o.Width}
}

// Defaults returns o with its zero values filled.
func (o Options) Defaults() Options {
	fill(&o.Architecture, defaultArchitecture)
	fill(&o.Width, 16)
	fill(&o.Fast, FastAuto)
	fill(&o.Batch, 5)
	fill(&o.LearningRate, 1e-3)
	fill(&o.WarmUp, 100)
	fill(&o.AverageDecay, 0.998)
	fill(&o.Schedule, Cosine)
	fill(&o.StopOn, Loss)
	if o.Epochs > 0 && o.Every == 0 {
		fill(&o.EveryEpochs, 1)
	}
	if o.EveryEpochs == 0 {
		fill(&o.Every, 500)
	}
	fill(&o.Save, 500)
	fill(&o.Recalibrate, 100)
	fill(&o.Memory, 128)
	if o.ClassWeights == [dataset.Classes]float64{} {
		o.ClassWeights = [dataset.Classes]float64{1, 1, 1}
	}
	if o.Augment == nil {
		a := DefaultAugmentation
		o.Augment = &a
	}
	return o
}

func fill[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// check reports the first thing wrong with filled options.
func (o Options) check() error {
	lengths := 0
	for _, given := range []bool{o.Steps != 0, o.Epochs != 0, o.Duration != 0} {
		if given {
			lengths++
		}
	}
	switch {
	case len(o.Data) == 0:
		return errors.New("no data set folder to train on")
	case lengths != 1:
		return option.Refuse("steps epochs duration", "are lengths of the run: give exactly one")
	case o.Steps < 0:
		return option.Refuse("steps", "%d: want no negative length", o.Steps)
	case o.Epochs < 0 || math.IsNaN(o.Epochs):
		return option.Refuse("epochs", "%g: want no negative length", o.Epochs)
	case o.Duration < 0:
		return option.Refuse("duration", "%v: want no negative length", o.Duration)
	case o.Fast != FastAuto && o.Fast != FastOff:
		return option.Refuse("fast", "%.20q: want %s or %s", o.Fast, FastAuto, FastOff)
	case o.Batch < 1 || o.Batch > 1024:
		return option.Refuse("batch", "%d: want 1 to 1024", o.Batch)
	case o.LearningRate < 0 || math.IsNaN(o.LearningRate):
		return option.Refuse("learning-rate", "%g: want more than 0", o.LearningRate)
	case o.Schedule != Cosine && o.Schedule != Constant:
		return option.Refuse("schedule", "%.20q: want %s or %s", o.Schedule, Cosine, Constant)
	case o.StopOn != Loss && o.StopOn != Accuracy:
		return option.Refuse("stop-on", "%.20q: want %s or %s", o.StopOn, Loss, Accuracy)
	case o.Every < 0 || !(o.EveryEpochs >= 0) || o.Every > 0 && o.EveryEpochs > 0:
		return option.Refuse("every every-epochs", "give the time between validations: one of them, above 0")
	case slices.Contains([]string{".png", ".svg"}, strings.ToLower(filepath.Ext(o.Curve))):
		return option.Refuse("curve", "%s: want a CSV file; its picture goes beside it", o.Curve)
	case o.Together < 0 || o.Together > 1024:
		return option.Refuse("steps-per-run", "%d: want 0 to 1024", o.Together)
	case o.Memory < 0 || o.Memory > 1<<20:
		return option.Refuse("memory", "%d: want 1 to %d MiB", o.Memory, 1<<20)
	case !(o.Augment.Elastic >= 0 && o.Augment.Elastic <= dataset.Side/4):
		return option.Refuse("elastic", "%g: want 0 to %d pixels", o.Augment.Elastic, dataset.Side/4)
	case o.Recalibrate < 0:
		return option.Refuse("batch-norm-batches", "%d: want at least 1 batch", o.Recalibrate)
	case !(o.Smoothing >= 0 && o.Smoothing < 1):
		return option.Refuse("smoothing", "%g: want 0 to less than 1", o.Smoothing)
	case !(o.L2 >= 0):
		return option.Refuse("l2", "%g: want no negative number", o.L2)
	case !(o.AverageDecay < 1):
		return option.Refuse("average-decay", "%g: want less than 1", o.AverageDecay)
	case o.Shares != nil && len(o.Shares) != len(o.Data):
		return option.Refuse("sampling-weights", "has %d numbers for %d folders", len(o.Shares), len(o.Data))
	}
	return o.checkLists()
}

// checkLists reports the first thing wrong with numbers of a list, and with the network.
func (o Options) checkLists() error {
	for _, list := range []struct {
		name   string
		values []float64
	}{{"sampling-weights", o.Shares}, {"class-weights", o.ClassWeights[:]}} {
		for _, v := range list.values {
			if !(v >= 0) || math.IsInf(v, 0) {
				return option.Refuse(list.name, "%g: want no negative number", v)
			}
		}
	}
	if !slices.Contains(model.Architectures(), o.Architecture) {
		return option.Refuse("architecture", "%.40q: want one of %s", o.Architecture, strings.Join(model.Architectures(), ", "))
	}
	if err := o.network().Check(); err != nil {
		return option.Refuse("width", "%d: %w", o.Width, err)
	}
	return o.Target.Check()
}

// rate is the learning rate after the given share of the run (0 to 1): linear
// warm-up over the first steps, then what Schedule says.
func (o Options) rate(step int, done float64) float64 {
	rate := o.LearningRate
	if o.Schedule != Constant {
		rate *= 0.01 + 0.99*0.5*(1+math.Cos(math.Pi*min(max(done, 0), 1)))
	}
	if step < o.WarmUp {
		rate *= float64(step+1) / float64(o.WarmUp)
	}
	return rate
}
