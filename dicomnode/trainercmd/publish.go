package trainercmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model"
)

func trainerPublishCmd() *cobra.Command {
	var config, device string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "publish BUNDLE --config FILE [--json]", Short: "make a model the one that the node uses",
		Long: `Check a bundle, run its golden image on this machine, and copy it into the
models of the node's data folder. A running node whose configuration says
model: {bundle: published}, the default, takes it over at its next image without
dropping work. "dicomnode model rollback" goes back.
` + command.ExitCodes,
		Example: "  dicomnode trainer publish xnet.onnx --config dicomnode.yaml",
		Args:    command.WantArgs(1, 1, "one bundle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := command.LoadConfig(config)
			if err != nil {
				return err
			}
			if device != "" {
				c.Model.Device = device
			}
			b, err := tryBundle(c, args[0])
			if err != nil {
				return err
			}
			if err := pipeline.ModelStore(c).Publish(b); err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), struct {
					Name    string `json:"name"`
					Version string `json:"version"`
					Digest  string `json:"digest"`
					Used    bool   `json:"used"` // by a node with this configuration
				}{b.Card.Name, b.Card.Version, b.Digest, c.Model.Bundle == pipeline.Published})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s published, digest %s\n", b.Card.Name, b.Card.Version, b.Digest)
			if c.Model.Bundle != pipeline.Published {
				fmt.Fprintf(cmd.OutOrStdout(), "the node does not use it: its configuration says model: {bundle: %s}, not published\n", c.Model.Bundle)
			}
			return nil
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().StringVar(&device, "device", "", "auto, cpu or cuda (default: the configuration's)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// tryBundle loads a bundle and runs its golden image.
func tryBundle(c configs.Config, name string) (*model.Bundle, error) {
	c.Model.Bundle = name
	s, _, err := pipeline.OpenModel(c)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return pipeline.LoadBundle(name)
}
