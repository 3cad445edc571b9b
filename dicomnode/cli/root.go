// Package cli is the command line of a node: the root command, and one file for each verb,
// which has flags, makes one call into another package, and prints. What the verbs of several
// programs share is in cli/command; the verbs of the trainer are in trainercmd.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/cli/operate"
)

// Program is what main adds to the verbs of the node.
type Program struct {
	Version string           // of the program, as the SEG names it
	Verbs   []*cobra.Command // further verbs
}

// Run runs the command line and returns the exit code.
func (p Program) Run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := p.Root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root, checkVerb(root, args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	if err = command.NamingFlags(cmd, err); err == nil {
		return command.OK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = command.Interrupted(err)
	}
	command.Report(errOut, err)
	return command.ExitCode(err)
}

// Root is the command with all its verbs.
func (p Program) Root() *cobra.Command {
	root := &cobra.Command{
		Use:   "dicomnode",
		Short: "receive radiographs, segment them with XNet, return DICOM SEG",
		Long: `dicomnode receives radiographs by C-STORE, segments them with XNet into open
beam, soft tissue and bone, and sends a DICOM SEG to your PACS. Not a medical
device; not for diagnostic use.
` + command.ExitCodes,
		Example: `  dicomnode config init dicomnode.yaml
  dicomnode serve --config dicomnode.yaml`,
		SilenceErrors: true, SilenceUsage: true, Version: p.Version,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return command.Usagef("see \"dicomnode --help\" for the verbs", "unknown verb %q%s", args[0], command.Suggestion(cmd, args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return command.Usagef(fmt.Sprintf("see \"%s --help\"", cmd.CommandPath()), "%w", err)
	})
	root.CompletionOptions.DisableDefaultCmd = true // for completionCmd
	root.SetHelpCommand(helpCmd())
	root.SetVersionTemplate("dicomnode {{.Version}}\n")
	root.AddCommand(serveCmd(p.Version), tlsCmd(), segmentCmd(p.Version), reportCmd(), echoCmd(), sendCmd(), configCmd(), darkCmd(),
		modelCmd(), demoCmd(p.Version), versionCmd(p.Version), doctorCmd(), completionCmd())
	root.AddCommand(operate.Commands()...)
	root.AddCommand(p.Verbs...)
	root.SetGlobalNormalizationFunc(currentFlag)
	return root
}
