package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/scu"
)

func sendCmd() *cobra.Command {
	var flags peerFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "send PEER|AET@host:port FILES… [--json]", Short: "send DICOM files to a peer (C-STORE)",
		Long: `Send DICOM files, or all files of a folder, over one association, each in its own
transfer syntax. Files that the peer refuses are listed; the others are sent.
` + command.ExitCodes,
		Example: "  dicomnode send PACS@10.0.0.5:104 study/",
		Args:    command.WantArgs(2, -1, "a peer and files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := flags.find(cmd, args[0])
			if err != nil {
				return err
			}
			files, err := inputs.DICOM(args[1:])
			if err != nil {
				return err
			}
			bar := command.NewProgress(cmd.ErrOrStderr(), len(files), "sending")
			results, err := d.StoreFiles(cmd.Context(), files, func() { _ = bar.Add(1) }) // cosmetic
			if results == nil {
				return err
			}
			return errors.Join(err, reportSent(cmd, results, asJSON))
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func reportSent(cmd *cobra.Command, results []scu.Sent, asJSON bool) error {
	failed := 0
	for _, s := range results {
		if s.Error != "" {
			failed++
		}
	}
	if asJSON {
		if err := command.PrintJSON(cmd.OutOrStdout(), results); err != nil {
			return err
		}
	} else {
		for _, s := range results {
			if s.Error != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", s.File, s.Error)
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d of %d files sent\n", len(results)-failed, len(results))
	}
	if failed > 0 {
		return fmt.Errorf("send: %d of %d files were not stored", failed, len(results))
	}
	return nil
}
