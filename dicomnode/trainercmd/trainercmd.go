// Package trainercmd has the verbs of the trainer: a file for each, with its flags, one
// call into a package under trainer, and what it prints. It trains and measures nothing
// itself.
package trainercmd

import (
	"log/slog"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/trainercmd/exportcmd"
	"dicomnode/model"
)

// Command is the verb "trainer" with all its verbs, of a program of that version.
func Command(version string) *cobra.Command {
	return command.Group("trainer", "simulate radiographs, train, evaluate and publish models",
		trainerSimulateCmd(),
		trainerDatasetCmd(),
		trainerSplitCmd(),
		trainerAugmentCmd(),
		trainerFitCmd(),
		trainerCalibrateCmd(),
		trainerThresholdCmd(),
		trainerEvaluateCmd(),
		trainerCompareCmd(),
		trainerPublishCmd(),
		exportcmd.Command(version),
	)
}

// namesLibrary is the hint of the verbs that have modelFlags.
const namesLibrary = "--ort-lib names the library too"

// modelFlags are those of the verbs that run a model without a node.
type modelFlags struct {
	device, library string
	threads         int
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.device, "device", "auto", "auto, cpu or cuda")
	cmd.Flags().StringVar(&f.library, "ort-lib", "", "ONNX Runtime shared library; empty searches the usual places")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "CPU threads; 0 uses every core")
}

// open makes a bundle ready to predict.
func (f modelFlags) open(b *model.Bundle) (*model.Session, error) {
	s, err := model.Open(b, model.Options{Device: f.device, Library: f.library, Threads: f.threads, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, pipeline.HintLibrary(err, namesLibrary)
	}
	return s, nil
}
