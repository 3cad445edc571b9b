package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/hint"
	"dicomnode/model"
)

func modelListCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "list published models",
		Long: `List the models that were published to the node and those rolled back, oldest
first, and the one in use. Models are never removed from the node's data folder, so
that the digest in a SEG identifies the model that made it.
` + command.ExitCodes,
		Example: "  dicomnode model list --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := command.LoadConfig(config)
			if err != nil {
				return err
			}
			b, err := pipeline.ConfiguredBundle(c)
			if err != nil {
				return err
			}
			history, err := pipeline.ModelStore(c).History()
			if err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), struct {
					Current string        `json:"current"`
					History []model.Entry `json:"history"`
				}{b.Digest, append([]model.Entry{}, history...)})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, e := range history {
				fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\n", e.Time.Format(time.RFC3339), e.Action, e.Name, e.Version, e.Digest)
			}
			fmt.Fprintf(w, "in use\t%s\t%s %s\t%s\n", origin(c, b), b.Card.Name, b.Card.Version, b.Digest)
			return w.Flush()
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// origin is where the bundle in use comes from: published, embedded or a file.
func origin(c configs.Config, b *model.Bundle) string {
	embedded, err := model.Embedded()
	if c.Model.Bundle == pipeline.Published && err == nil && b.Digest == embedded.Digest {
		return pipeline.Embedded // nothing is published, or all of it was taken back
	}
	return c.Model.Bundle
}

func modelRollbackCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "rollback", Short: "use the previously published model again",
		Long: `Withdraw the last published model. From its next image on, a running node uses
the model published before, or the model in this program if there is none.
` + command.ExitCodes,
		Example: "  dicomnode model rollback --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := command.LoadConfig(config)
			if err != nil {
				return err
			}
			was, now, err := pipeline.ModelStore(c).Rollback()
			if errors.Is(err, model.ErrNothingPublished) {
				return hint.Add(fmt.Errorf("roll back: %w", err), "the node uses the model in this program; \"dicomnode model list\" shows what was published")
			}
			if err != nil {
				return err
			}
			to := "the model in this program"
			if now != nil {
				to = fmt.Sprintf("%s %s, digest %s", now.Name, now.Version, now.Digest)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s taken back; in use: %s\n", was.Name, was.Version, to)
			return err
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}
