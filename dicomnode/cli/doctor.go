package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/codec"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/model/ort"
)

// health is the state of the libraries that the program needs.
type health struct {
	ONNXRuntime libraryHealth `json:"onnx_runtime"`
	Codecs      codec.Report  `json:"codecs"`
}

type libraryHealth struct {
	Version string `json:"version"` // the version for which the program is built
	Path    string `json:"path,omitempty"`
	Error   string `json:"error,omitempty"`
}

func doctorCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor [--json]", Short: "check ONNX Runtime and the codec libraries of this machine",
		Long: `Print where ONNX Runtime is, which library decodes each family of compressed
images, in which transfer syntaxes it decoded a test image, and how the decoding
processes are sandboxed: "seccomp" limits memory, files and system calls, "rlimits
only" memory and files. Without ONNX Runtime nothing can be segmented, and the exit
code is 1. Without a decoder the node refuses images that need it.
` + command.ExitCodes,
		Example: "  dicomnode doctor",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := configs.Default()
			if config != "" {
				var err error
				if c, err = command.LoadConfig(config); err != nil {
					return err
				}
			}
			h, err := examine(c)
			if err != nil {
				return err
			}
			if asJSON {
				err = command.PrintJSON(cmd.OutOrStdout(), h)
			} else {
				err = h.print(cmd.OutOrStdout())
			}
			if err == nil && h.ONNXRuntime.Error != "" {
				err = hint.Add(errors.New("nothing can be segmented"), "run `make runtime`")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration of a node, whose libraries are looked for")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func examine(c configs.Config) (health, error) {
	h := health{ONNXRuntime: libraryHealth{Version: ort.Version}}
	var err error
	if h.ONNXRuntime.Path, _, err = ort.Library(c.Model.Library); err != nil {
		h.ONNXRuntime.Error = err.Error()
	}
	h.Codecs, err = codecReport(c)
	return h, err
}

// codecReport lets a worker process report what it can decode.
func codecReport(c configs.Config) (codec.Report, error) {
	p, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		return codec.Report{}, err
	}
	return p.Report(), p.Close()
}

func (h health) print(w io.Writer) error {
	fmt.Fprintf(w, "ONNX Runtime %s: %s\n", h.ONNXRuntime.Version, orElse(h.ONNXRuntime.Path, h.ONNXRuntime.Error))
	if h.Codecs.Error != "" {
		fmt.Fprintf(w, "decoders: %s\n", h.Codecs.Error)
	}
	complete := h.Codecs.Error == ""
	for _, f := range h.Codecs.Families {
		complete = complete && f.Path != "" && f.Error == ""
		switch {
		case f.Path == "":
			fmt.Fprintf(w, "%s: no %s library, such images are refused\n", f.Family, f.Library)
			continue
		case f.Error != "":
			fmt.Fprintf(w, "%s: %s %s does not do all it should: %s\n", f.Family, f.Library, f.Version, f.Error)
		default:
			fmt.Fprintf(w, "%s: %s %s, confined: %s\n", f.Family, f.Library, f.Version, h.Codecs.Confinement)
		}
		fmt.Fprintf(w, "  %s\n", f.Path)
		for _, ts := range f.TransferSyntaxes {
			fmt.Fprintf(w, "  %s  %s\n", ts, uid.Name(ts))
		}
	}
	if !complete {
		fmt.Fprintln(w, codec.Hint)
	}
	return nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
