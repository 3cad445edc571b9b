package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model"
)

func modelCmd() *cobra.Command {
	return command.Group("model", "show, verify and roll back model bundles", modelInfoCmd(), modelVerifyCmd(), modelListCmd(), modelRollbackCmd())
}

func modelInfoCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "info [BUNDLE] [--json]", Short: "print the card of a model bundle",
		Long: `Print the card of a model: name, training data, scores and licence. Without
BUNDLE it is the model in this program; "embedded-trunk" is the program's model for
images of trunk and head, "embedded-field" that of the exposed field.
` + command.ExitCodes,
		Example: "  dicomnode model info",
		Args:    command.WantArgs(0, 1, "at most one bundle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := pipeline.LoadBundle(append(args, pipeline.Embedded)[0])
			if err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), struct {
					Digest string     `json:"digest"`
					Bytes  int        `json:"bytes"`
					Card   model.Card `json:"card"`
				}{b.Digest, len(b.Bytes()), b.Card})
			}
			printCard(cmd, b)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printCard(cmd *cobra.Command, b *model.Bundle) {
	w, c := cmd.OutOrStdout(), b.Card
	fmt.Fprintf(w, "%s %s (%s, width %d, %.1f MB)\n%s\n", c.Name, c.Version, c.Architecture, c.Width, float64(len(b.Bytes()))/1e6, c.Notice)
	fmt.Fprintf(w, "digest    %s\nclasses   %s\ninput     %d×%d, %s, %s\n", b.Digest, strings.Join(c.Classes, ", "), c.Input.Rows, c.Input.Columns, c.Input.Polarity, c.Input.Normalisation)
	fmt.Fprintf(w, "training  %s (%d images%s)\n", c.Training.Description, c.Training.Images, simulators(c.Training.Simulators))
	if c.Training.Command != "" {
		fmt.Fprintf(w, "          repeat: %s\n", c.Training.Command)
	}
	if c.Average != "" {
		fmt.Fprintf(w, "average   over %s of the input\n", c.Average)
	}
	if c.Target == model.Regions {
		printThresholds(w, c.SoftTissue)
	}
	if k := c.Calibration; k != nil {
		fmt.Fprintf(w, "calibrated on %d images: logits × %.2f, then open beam %+.2f, soft tissue %+.2f, bone %+.2f\n", k.Images, k.Scale, k.Shift[0], k.Shift[1], k.Shift[2])
	}
	for _, m := range c.Metrics {
		fmt.Fprintf(w, "metric    %s = %.4f on %s\n          repeat: %s\n", m.Name, m.Value, m.Data, m.Command)
	}
	fmt.Fprintf(w, "licence   %s\n", c.Licence)
	for _, a := range c.Attributions {
		fmt.Fprintf(w, "          %s\n", a)
	}
}

func printThresholds(w io.Writer, s model.Thresholds) {
	fmt.Fprintf(w, "soft tissue with high precision from probability %.3f", s.Threshold)
	for _, part := range slices.Sorted(maps.Keys(s.ByBodyPart)) {
		fmt.Fprintf(w, ", %s %.3f", part, s.ByBodyPart[part])
	}
	fmt.Fprintln(w)
	if k := s.Chosen; k != nil {
		fmt.Fprintf(w, "          chosen %s\n", k)
	}
}

// simulators lists the versions of the simulator that made the training images.
func simulators(versions []int) string {
	if len(versions) == 0 {
		return ""
	}
	return fmt.Sprintf(", simulator %s", strings.Trim(fmt.Sprint(versions), "[]"))
}
