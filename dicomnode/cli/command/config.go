package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/hint"
)

// DefaultConfig is read when --config is not given.
const DefaultConfig = "/etc/dicomnode/dicomnode.yaml"

// ConfigFlag adds --config to a verb.
func ConfigFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", DefaultConfig, "configuration file")
}

// LoadConfig reads the file, saying what to do where there is none.
func LoadConfig(path string) (configs.Config, error) {
	c, _, err := InspectConfig(path)
	return c, err
}

// InspectConfig is LoadConfig with warnings about settings that are probably a mistake.
func InspectConfig(path string) (configs.Config, configs.Problems, error) {
	c, warnings, err := configs.Inspect(path)
	if errors.Is(err, os.ErrNotExist) {
		err = hint.Add(err, fmt.Sprintf("write one with \"dicomnode config init %s\", or name yours with --config", path))
	}
	return c, warnings, err
}

// OptionalConfig is the configuration, or the defaults when the standard place
// has none.
func OptionalConfig(cmd *cobra.Command, path string) (configs.Config, error) {
	c, err := LoadConfig(path)
	if errors.Is(err, os.ErrNotExist) && !cmd.Flags().Changed("config") {
		return WithoutConfig(), nil
	}
	return c, err
}

// WithoutConfig is the configuration of a command that reads none.
func WithoutConfig() configs.Config {
	c := configs.Default()
	c.Model.Bundle = pipeline.Embedded // there is no node whose published models could be meant
	return c
}
