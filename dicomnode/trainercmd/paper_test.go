package trainercmd

import (
	"reflect"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/trainer/fit"
)

// optionsOf are the options that a command line of trainer fit asks for.
func optionsOf(t *testing.T, args ...string) fit.Options {
	t.Helper()
	var f fitFlags
	cmd := &cobra.Command{}
	f.add(cmd)
	if err := cmd.ParseFlags(append(args, "--out", "x.onnx")); err != nil {
		t.Fatal(err)
	}
	if err := f.complete(cmd, []string{"data"}); err != nil {
		t.Fatal(err)
	}
	return f.opt.Defaults()
}

// paper is what section 4.2 of the paper says of training, and what this program
// chooses where the paper is silent: the variation on the way, the batches for
// statistics, the greatest length.
func paper() fit.Options {
	augment := fit.DefaultAugmentation
	return fit.Options{Data: []string{"data"}, Architecture: "xnet", Width: 64, Batch: 5, Epochs: 500,
		LearningRate: 1e-4, WarmUp: -1, Schedule: "constant", L2: 5e-4, ClassWeights: [3]float64{1, 1, 1},
		AverageDecay: -1, Augment: &augment, Seed: 1,
		EveryEpochs: 1, StopOn: "loss", Patience: 20, Recalibrate: 100,
		Save: 500, Device: "auto", Fast: "auto", Memory: 128}
}

func TestPaper(t *testing.T) {
	if got, want := optionsOf(t, "--paper"), paper(); !reflect.DeepEqual(got, want) {
		t.Errorf("--paper is\n%+v, want\n%+v", got, want)
	}
}

// What is given beside --paper counts, and changes nothing else.
func TestPaperOverridden(t *testing.T) {
	for name, c := range map[string]struct {
		value  string
		change func(*fit.Options)
	}{
		"width":         {"4", func(o *fit.Options) { o.Width = 4 }},
		"architecture":  {"u-net", func(o *fit.Options) { o.Architecture = "u-net" }},
		"batch":         {"2", func(o *fit.Options) { o.Batch = 2 }},
		"learning-rate": {"0.01", func(o *fit.Options) { o.LearningRate = 0.01 }},
		"schedule":      {"cosine", func(o *fit.Options) { o.Schedule = "cosine" }},
		"warm-up":       {"7", func(o *fit.Options) { o.WarmUp = 7 }},
		"l2":            {"0", func(o *fit.Options) { o.L2 = 0 }},
		"average-decay": {"0.9", func(o *fit.Options) { o.AverageDecay = 0.9 }},
		"stop-on":       {"accuracy", func(o *fit.Options) { o.StopOn = "accuracy" }},
		"patience":      {"3", func(o *fit.Options) { o.Patience = 3 }},
		"epochs":        {"9", func(o *fit.Options) { o.Epochs = 9 }},
		"every-epochs":  {"2", func(o *fit.Options) { o.EveryEpochs = 2 }},
		"every":         {"50", func(o *fit.Options) { o.Every, o.EveryEpochs = 50, 0 }},
		"steps":         {"30", func(o *fit.Options) { o.Steps, o.Epochs = 30, 0 }},
		"duration":      {"1h", func(o *fit.Options) { o.Duration, o.Epochs = time.Hour, 0 }},
		"elastic":       {"0", func(o *fit.Options) { o.Augment.Elastic = 0 }},
		"seed":          {"8", func(o *fit.Options) { o.Seed = 8 }},
	} {
		want := paper()
		c.change(&want)
		if got := optionsOf(t, "--paper", "--"+name, c.value); !reflect.DeepEqual(got, want) {
			t.Errorf("--paper --%s %s is\n%+v, want\n%+v", name, c.value, got, want)
		}
	}
}
