package trainercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/trainer/importer"
)

const importCodes = `
Exit codes: 0 done, 1 failed (then nothing was written), 2 wrong usage.`

// runImport runs an importer and prints its account.
func runImport(cmd *cobra.Command, out string, asJSON bool, run func(context.Context, func(done, total int)) (*importer.Result, error)) error {
	bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "importing")
	res, err := run(cmd.Context(), func(done, total int) { _ = bar.Set(1000 * done / total) }) // cosmetic
	if err != nil && !errors.Is(err, importer.ErrProblems) {
		return hintedImport(fmt.Errorf("import: %w", err))
	}
	if errors.Is(err, importer.ErrProblems) {
		err = fmt.Errorf("import: %w: %s", err, command.Plural(len(res.Problems), "problem"))
	}
	if asJSON {
		return errors.Join(command.PrintJSON(cmd.OutOrStdout(), res), err)
	}
	return errors.Join(printImport(cmd.OutOrStdout(), res, out, err), err)
}

// hintedImport says what to do about what ends an import before it begins.
func hintedImport(err error) error {
	switch {
	case errors.Is(err, importer.ErrNotEmpty):
		return hint.Add(err, "choose another --out: an import makes a folder of its own")
	case errors.Is(err, importer.ErrNoPicture):
		return hint.Add(err, "name the folder of the images, then the folder of the painted labels")
	case errors.Is(err, importer.ErrNoSegmentation):
		return hint.Add(err, "name the images and what \"dicomnode segment\" or the node wrote of them")
	case errors.Is(err, fs.ErrNotExist):
		return hint.Add(err, "name files and folders that are there")
	}
	return err
}

func printImport(w io.Writer, res *importer.Result, out string, failed error) error {
	var b strings.Builder
	for _, p := range res.Problems {
		fmt.Fprintf(&b, "error: %s\n", p.Error())
		if p.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", p.Hint)
		}
	}
	for _, n := range res.Notes {
		fmt.Fprintf(&b, "note: %s\n", n.Error())
	}
	if failed == nil {
		fmt.Fprintf(&b, "%s in %s\n", command.Plural(res.Images, "image"), out)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
