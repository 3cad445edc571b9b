package trainercmd

import (
	"github.com/spf13/pflag"

	"dicomnode/trainer/fit"
)

// asPaper sets what Bullock, Cuesta-Lázaro and Quera-Bofarull, "XNet" (2019),
// section 4.2, say of training, where no flag says otherwise. The paper names no
// greatest length: 500 epochs is ours, reached only if its patience never ends.
func (f *fitFlags) asPaper(flags *pflag.FlagSet) {
	set := func(name string, apply func()) {
		if !flags.Changed(name) {
			apply()
		}
	}
	o := &f.opt
	if f.init == "" { // its bundle has a width
		set("width", func() { o.Width = 64 })
	}
	set("batch", func() { o.Batch = 5 })
	set("learning-rate", func() { o.LearningRate = 1e-4 })
	set("schedule", func() { o.Schedule = fit.Constant })
	set("warm-up", func() { o.WarmUp = -1 })
	set("l2", func() { o.L2 = 5e-4 })
	set("average-decay", func() { o.AverageDecay = -1 })
	set("stop-on", func() { o.StopOn = fit.Loss })
	set("patience", func() { o.Patience = 20 })
	if o.Steps == 0 && o.Duration == 0 {
		set("epochs", func() { o.Epochs = 500 })
	}
	if o.Every == 0 {
		set("every-epochs", func() { o.EveryEpochs = 1 })
	}
}
