package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/codec"
)

func versionCmd(version string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version [--json]", Short: "print the version of the program",
		Long:    "Print the version of the program, of Go and of the source; with --json the libraries\nthat decode compressed images too.\n" + command.ExitCodes,
		Example: "  dicomnode version",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := struct {
				Version string        `json:"version"`
				Source  string        `json:"source"`
				Go      string        `json:"go"`
				Codecs  *codec.Report `json:"codecs,omitempty"`
			}{Version: version, Source: source(), Go: runtime.Version()}
			if asJSON {
				r, err := codecReport(configs.Default())
				if err != nil {
					return err
				}
				v.Codecs = &r
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
