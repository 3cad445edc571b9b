package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
)

func configCmd() *cobra.Command {
	return command.Group("config", "write and check the configuration file", configInitCmd(), configCheckCmd())
}

func configInitCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "init [FILE] [--force]", Short: "write a commented default configuration",
		Long: `Write the commented default configuration to FILE, or to standard output.
An existing file is kept unless --force is given.
` + command.ExitCodes,
		Example: "  dicomnode config init dicomnode.yaml",
		Args:    command.WantArgs(0, 1, "at most one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := cmd.OutOrStdout().Write(configs.DefaultYAML)
				return err
			}
			return writeDefault(args[0], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite an existing file")
	return cmd
}

func writeDefault(path string, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !force {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o640)
	if errors.Is(err, os.ErrExist) {
		return hint.Add(fmt.Errorf("write configuration: %s exists", path), "choose another name, or overwrite it with --force")
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = f.Write(configs.DefaultYAML)
	return errors.Join(err, f.Close())
}
