// Package command owns how the verbs of dicomnode are called and how they speak:
// arguments, the configuration flag, exit codes, errors with hints, progress, JSON. It
// knows no verb.
package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes of every verb.
const (
	OK     = 0
	Failed = 1
	Usage  = 2
)

// ExitCodes is the last paragraph of a verb's help.
const ExitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong usage.`

// WantArgs accepts at least low and at most high arguments (high < 0: no limit).
func WantArgs(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := fmt.Sprintf("usage: %s", cmd.UseLine())
		switch {
		case len(args) < low:
			return Usagef(usage, "missing argument: %s", missing(cmd, len(args), what))
		case high == 0 && len(args) > 0:
			return Usagef(usage, "unexpected argument: %s", args[0])
		case high >= 0 && len(args) > high:
			return Usagef(usage, "too many arguments: %s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// missing is the name of the argument behind the given ones in the line of usage, such as
// DATASET, or what in its place.
func missing(cmd *cobra.Command, given int, what string) string {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "[") {
			break
		}
		if given == 0 {
			return strings.TrimRight(word, "….")
		}
		given--
	}
	return what
}

// Group is a verb that only has further verbs.
func Group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Long: strings.ToUpper(short[:1]) + short[1:] + ".\n" + ExitCodes,
		Args: func(cmd *cobra.Command, args []string) error {
			help := fmt.Sprintf("see \"%s --help\"", cmd.CommandPath())
			if len(args) == 0 {
				return Usagef(help, "missing verb after %q", cmd.CommandPath())
			}
			return Usagef(help, "unknown verb %q%s", args[0], Suggestion(cmd, args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	g.AddCommand(verbs...)
	return g
}

// Suggestion asks whether a verb of cmd was meant by a word that is none, or is empty.
func Suggestion(cmd *cobra.Command, word string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(", did you mean %q?", near[0])
	}
	return ""
}
