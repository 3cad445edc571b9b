package command

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// PrintJSON writes v as indented JSON.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// NewProgress is a progress bar of n steps on w, silent unless w is a terminal.
func NewProgress(w io.Writer, n int, what string) *progressbar.ProgressBar {
	if !IsTerminal(w) || n < 2 {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

// NewShareBar is a bar whose description tells all; it is silent unless w is a
// terminal.
func NewShareBar(w io.Writer, n int) *progressbar.ProgressBar {
	if !IsTerminal(w) {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
}

// IsTerminal reports whether w is one.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// JoinClose closes c and reports its error beside err.
func JoinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }
