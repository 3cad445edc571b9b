package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
)

func echoCmd() *cobra.Command {
	var flags peerFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "echo PEER|AET@host:port [--json]", Short: "verify that a peer answers (C-ECHO)",
		Long: `Associate with a peer and send a C-ECHO (PS3.4 A). The peer is a name of the
configuration, or AET@host:port.
` + command.ExitCodes,
		Example: "  dicomnode echo PACS@10.0.0.5:104",
		Args:    command.WantArgs(1, 1, "one peer"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := flags.find(cmd, args[0])
			if err != nil {
				return err
			}
			took, err := d.Echo(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), map[string]any{"peer": args[0], "milliseconds": took.Seconds() * 1000})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s answers, %.1f ms with association\n", args[0], took.Seconds()*1000)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
