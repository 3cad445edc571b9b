package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/demo"
)

func demoCmd(version string) *cobra.Command {
	var out string
	var verbose bool
	cmd := &cobra.Command{
		Use: "demo [FILES…] [--out DIR]", Short: "show the whole chain on this machine",
		Long: `Start a node and a small receiving PACS on loopback, teach the node the dark
frames of a simulated detector, send five of its radiographs (DX For Processing
of a phantom leg, with the detector's offset) and the given DICOM files, wait
for the segmentations, print what is in them and write each with an overlay
picture to DIR. The radiographs' accuracy is the share of pixels labelled as
simulated. Nothing is left running.
` + command.ExitCodes,
		Example: "  dicomnode demo --out out/demo",
		RunE: func(cmd *cobra.Command, args []string) error {
			level := slog.LevelError
			if verbose {
				level = slog.LevelInfo
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			return demo.Run(cmd.Context(), demo.Options{Inputs: args, Out: out, Detector: demo.Detector, Version: version, Log: log, Print: cmd.OutOrStdout()})
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "out/demo", "folder of the results")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the log of node and PACS")
	return cmd
}
