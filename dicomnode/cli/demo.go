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
		Use: "demo [FILES…] [--out DIR]", Short: "run a node, a small PACS and simulated radiographs on this machine",
		Long: `Start a node and a small receiving PACS on loopback, send dark frames of a
simulated detector, five of its radiographs (DX For Processing of a phantom leg,
with the detector's offset) and the given DICOM files, wait for the segmentations,
summarise them, and write each with an overlay picture to DIR. For simulated
radiographs accuracy is the share of correctly segmented pixels. Node and PACS are
stopped at the end.
` + command.ExitCodes,
		Example: "  dicomnode demo --out out/demo",
		Args:    command.WantArgs(0, -1, "DICOM files"),
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
