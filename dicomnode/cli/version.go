package cli

import (
	"dicomnode/dicomnode/cli/command"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCmd(version string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version [--json]", Short: "print the version of the program",
		Long:    "Print the version of the program, of Go and of the source.\n" + command.ExitCodes,
		Example: "  dicomnode version",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := struct {
				Version string `json:"version"`
				Source  string `json:"source"`
				Go      string `json:"go"`
			}{version, source(), runtime.Version()}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), v)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "dicomnode %s (source %s, %s)\nnot a medical device; not for diagnostic use\n", v.Version, v.Source, v.Go)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// source is the revision that was built, when the build recorded it.
func source() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}
