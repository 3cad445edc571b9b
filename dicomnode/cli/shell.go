package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dicomnode/dicomnode/cli/command"
)

// formerFlags are old names of flags; they still work but are not in the help.
var formerFlags = map[string]string{
	"average-mirrors": "tta-flips", "shares": "sampling-weights", "together": "steps-per-run", "recalibrate": "batch-norm-batches",
}

// currentFlag is the current name of a flag.
func currentFlag(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if now, ok := formerFlags[name]; ok {
		name = now
	}
	return pflag.NormalizedName(name)
}

// completions write the completion script of each shell.
var completions = map[string]func(*cobra.Command, io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
	"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
}

func completionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "print a completion script for a shell",
		Long: "Print a script that makes bash, fish, powershell or zsh complete the verbs and flags\nof dicomnode.\n" + command.ExitCodes,
		Example: `  dicomnode completion bash > /etc/bash_completion.d/dicomnode
  dicomnode completion zsh > "${fpath[1]}/_dicomnode"`,
		Args:      command.WantArgs(1, 1, "one shell: bash, fish, powershell or zsh"),
		ValidArgs: []string{"bash", "fish", "powershell", "zsh"},
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := completions[args[0]]
			if !ok {
				return command.Usagef("bash, fish, powershell or zsh", "unknown shell %q", args[0])
			}
			return write(cmd.Root(), cmd.OutOrStdout())
		},
	}
}

func helpCmd() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "print the help of a verb",
		Long:    "Print the help of a verb, as VERB --help does.\n" + command.ExitCodes,
		Example: "  dicomnode help queue retry",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkVerb(cmd.Root(), args); err != nil {
				return err
			}
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			return about.Help()
		},
	}
}

// checkVerb refuses an unknown verb, also with --help, which cobra would accept.
func checkVerb(root *cobra.Command, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], "__complete") { // used by the completion scripts
		return nil
	}
	root.InitDefaultHelpCmd() // so that it is found
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.HasSubCommands() {
		return err
	}
	for _, word := range rest {
		if word == "--" {
			return nil
		}
		if !strings.HasPrefix(word, "-") {
			return cmd.ValidateArgs([]string{word})
		}
	}
	return nil
}
