package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/scu"
	"dicomnode/dicomnode/trail"
	"dicomnode/internal/audit"
)

func sendCmd() *cobra.Command {
	var flags peerFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "send PEER|AET@host:port FILES… [--json]", Short: "send DICOM files to a peer (C-STORE)",
		Long: `Send DICOM files, or all files of a folder, over one association, each in its own
transfer syntax. Files that the peer refuses are listed; the others are sent.
With audit: in the configuration the transfers are recorded in the audit trail.
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
			results, err := audited(d, files, func() ([]scu.Sent, error) {
				return d.StoreFiles(cmd.Context(), files, func() { _ = bar.Add(1) }) // cosmetic
			})
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

// audited records in the audit trail, if there is one, which files send sends and how that
// ends. Nothing is sent that cannot be recorded.
func audited(d scu.Destination, files []string, send func() ([]scu.Sent, error)) ([]scu.Sent, error) {
	notes, err := trail.Open(d.Config)
	if err != nil {
		return nil, err
	}
	from, to := audit.AE{Title: d.Config.Node.AETitle}, audit.AE{Title: d.Peer.AETitle, Address: d.Peer.Host()}
	sending, err := notes.Sends(from, to, files)
	if err != nil {
		return nil, err
	}
	results, err := send()
	sent := map[string]scu.Sent{}
	for _, s := range results {
		sent[s.File] = s
	}
	return results, errors.Join(err, sending.Ended(func(file string) trail.Result { return result(sent, file, err) }))
}

// result is how the transfer of a file ended, for the audit trail. Without an association
// there is only err.
func result(sent map[string]scu.Sent, file string, err error) trail.Result {
	s, ok := sent[file]
	switch {
	case !ok && err != nil:
		return trail.Result{Outcome: audit.MinorFailure, Words: err.Error()}
	case s.Final:
		return trail.Result{Outcome: audit.SeriousFailure, Words: s.Error}
	case s.Error != "":
		return trail.Result{Outcome: audit.MinorFailure, Words: s.Error}
	}
	return trail.Result{}
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
