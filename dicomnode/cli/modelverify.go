package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/hint"
	"dicomnode/model"
)

// verified is a bundle that has passed its golden image.
type verified struct {
	Name     string       `json:"name"`
	Version  string       `json:"version"`
	Target   model.Target `json:"target,omitempty"`
	Digest   string       `json:"digest"`
	Device   string       `json:"device"`
	Fallback string       `json:"fallback,omitempty"` // why CUDA was not used
}

func modelVerifyCmd() *cobra.Command {
	var config, device string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify [BUNDLE] [--device D] [--json]", Short: "run a bundle's golden image on this machine",
		Long: `Compare a bundle with the checksum that it contains, load it into ONNX Runtime and
run its golden image: the prediction must be the one stored in the bundle. Without
BUNDLE the models that a node uses are verified: the bundle of the configuration, or
the one in this program, the model for images of trunk and head, if there is one
(embedded-trunk), and the model of the exposed field (embedded-field).
` + command.ExitCodes,
		Example: "  dicomnode model verify",
		Args:    command.WantArgs(0, 1, "at most one bundle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := command.OptionalConfig(cmd, config)
			if err != nil {
				return err
			}
			if device != "" {
				c.Model.Device = device
			}
			list, err := verify(c, args)
			if err != nil {
				return err
			}
			if asJSON {
				return command.PrintJSON(cmd.OutOrStdout(), list)
			}
			return printVerified(cmd.OutOrStdout(), list)
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().StringVar(&device, "device", "", "auto, cpu or cuda (default: the configuration's)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// verify runs the golden image of the named bundle, or without a name those of the bundles that
// a node of the configuration uses.
func verify(c configs.Config, name []string) ([]verified, error) {
	if len(name) > 0 {
		b, err := pipeline.LoadBundle(name[0])
		if err == nil {
			err = checkSum(b)
		}
		if err != nil {
			return nil, err
		}
		v, err := verifyBundle(b, b.Card.Target, c.Model)
		return []verified{v}, err
	}
	bundles, err := pipeline.Bundles(c)
	if err != nil {
		return nil, err
	}
	list := make([]verified, len(bundles))
	for i, b := range bundles {
		if list[i], err = verifyBundle(b.Bundle, b.Target, c.Model); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// checkSum refuses a file without a checksum: a changed byte would be noticed neither here nor,
// usually, by the golden image. The models in this program need none.
func checkSum(b *model.Bundle) error {
	if b.Sealed() {
		return nil
	}
	for _, embedded := range []func() (*model.Bundle, error){model.Embedded, model.EmbeddedTrunk, model.EmbeddedField} {
		if e, err := embedded(); err == nil && e.Digest == b.Digest {
			return nil
		}
	}
	return hint.Add(fmt.Errorf("verify model: %s %s has no checksum, like bundles of earlier releases, so a change cannot be detected", b.Card.Name, b.Card.Version),
		"its digest is "+b.Digest+": compare it with the one that was noted when it was made; a published model is checked by its digest")
}

func verifyBundle(b *model.Bundle, target model.Target, c configs.Model) (verified, error) {
	s, err := pipeline.OpenBundle(b, target, c) // which runs the golden image
	if err != nil {
		return verified{}, fmt.Errorf("verify model: %w", err)
	}
	v := verified{Name: b.Card.Name, Version: b.Card.Version, Target: target, Digest: s.Digest(), Device: s.Device()}
	if why := s.Fallback(); why != nil {
		v.Fallback = why.Error()
	}
	return v, s.Close()
}

func printVerified(w io.Writer, list []verified) error {
	for i, v := range list {
		if _, err := fmt.Fprintf(w, "%s %s computes what it should on %s, digest %s\n", v.Name, v.Version, v.Device, v.Digest); err != nil {
			return err
		}
		if last := i == len(list)-1; v.Fallback != "" && (last || list[i+1].Fallback != v.Fallback) {
			fmt.Fprintf(w, "CUDA was not used: %s\n", v.Fallback)
		}
	}
	return nil
}
