package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/segment/decode"
	"dicomnode/sr"
)

func reportCmd() *cobra.Command {
	return &cobra.Command{
		Use: "report FILE", Short: "print a structured report as text",
		Long: `Print the content of a DICOM Structured Report, written by this or another program:
one line for each content item, indented as the document's tree. Patient attributes
are not printed, unless the content repeats them.
` + command.ExitCodes,
		Example: `  dicomnode segment hand.dcm --out results --sr
  dicomnode report results/hand.sr.dcm`,
		Args: command.WantArgs(1, 1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := readHeader(args[0])
			if err == nil {
				err = sr.Print(cmd.OutOrStdout(), source)
			}
			if errors.Is(err, sr.ErrNoReport) {
				return hint.Add(fmt.Errorf("%s: %w", args[0], err), "\"dicomnode segment IMAGE --out DIR --sr\" makes one")
			}
			return err
		},
	}
}

// readHeader reads the attributes of a Part 10 file.
func readHeader(path string) (iod.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return iod.Source{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, decode.MaxFile+1))
	if err != nil {
		return iod.Source{}, err
	}
	if len(b) > decode.MaxFile {
		return iod.Source{}, fmt.Errorf("%s: larger than %d MiB", path, decode.MaxFile>>20)
	}
	o, err := part10.Read(b)
	if err != nil {
		return iod.Source{}, fmt.Errorf("read %s: %w", path, err)
	}
	ds, err := decode.Parse(o)
	return iod.NewSource(ds), err
}
