package command

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/internal/hint"
	"dicomnode/internal/option"
)

// UsageError is a wrong call of the program.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the call.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a *UsageError with what to do about it as hint; format and args are as of fmt.Errorf.
func Usagef(what, format string, args ...any) error {
	return &UsageError{hint.Add(fmt.Errorf(format, args...), what)}
}

// NamingFlags makes of an option that was refused a wrong usage that names its flag.
func NamingFlags(cmd *cobra.Command, err error) error {
	var refused *option.Error
	if !errors.As(err, &refused) {
		return err
	}
	what := hint.Of(err)
	if what == "" {
		what = fmt.Sprintf("see \"%s --help\"", cmd.CommandPath())
	}
	return Usagef(what, "%s", refused.Flags())
}

// Interrupted is the error of a program that was told to stop; a hint stays.
func Interrupted(err error) error {
	return hint.Add(errors.New("interrupted"), hint.Of(err))
}

// Report prints "dicomnode: what" and "hint: what to do".
func Report(w io.Writer, err error) {
	var problems configs.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(w, "dicomnode: configuration: %s\nhint: %s\n", p, p.Hint)
		}
		return
	}
	fmt.Fprintf(w, "dicomnode: %s\n", strings.TrimSpace(err.Error()))
	if text := hintOf(err); text != "" {
		fmt.Fprintf(w, "hint: %s\n", text)
	}
}

// ExitCode is the exit code for err.
func ExitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &usage):
		return Usage
	}
	return Failed
}
