package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/model"
	"dicomnode/trainer/evaluate"
)

func trainerCmd() *cobra.Command {
	return group("trainer", "simulate radiographs, train, evaluate and publish models",
		trainerSimulateCmd(),
		trainerDatasetCmd(),
		trainerSplitCmd(),
		trainerFitCmd(),
		trainerCalibrateCmd(),
		trainerEvaluateCmd(),
		trainerPublishCmd(),
	)
}

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
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

// session opens a bundle by name.
func (f modelFlags) session(cmd *cobra.Command, bundle string) (*model.Session, error) {
	c := configs.Default()
	c.Model = configs.Model{Bundle: bundle, Device: f.device, Library: f.library, Threads: f.threads}
	s, _, err := openModel(cmd.Context(), c)
	return s, err
}

func trainerEvaluateCmd() *cobra.Command {
	var flags modelFlags
	var opt evaluate.Options
	var bundle string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "evaluate DATASET [--model BUNDLE] [--exclude PATTERN] [--split S] [--json]", Short: "score a model on a labelled data set",
		Long: `Score a model on a data set folder (dataset.csv, images, labels) at the network's
200×200 pixels: accuracy, precision, recall and F1 per class, image and body part.
` + exitCodes,
		Example: "  dicomnode trainer evaluate data/labelled --exclude '*phantom*'",
		Args:    wantArgs(1, 1, "one data set folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := flags.session(cmd, bundle)
			if err != nil {
				return err
			}
			report, err := evaluate.Run(cmd.Context(), args[0], s, opt)
			if err = errors.Join(err, s.Close()); err != nil {
				return err
			}
			if asJSON {
				return report.WriteJSON(cmd.OutOrStdout())
			}
			return report.WriteText(cmd.OutOrStdout())
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&bundle, "model", embedded, "model bundle, or \"embedded\"")
	cmd.Flags().StringSliceVar(&opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	cmd.Flags().StringSliceVar(&opt.Splits, "split", nil, "split to score (repeatable; default all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
