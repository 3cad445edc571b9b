// Command dicomnode is a DICOM node for X-ray images: it receives them by
// C-STORE (PS3.4 B), segments them with XNet into open beam, soft tissue and
// bone, and sends the result back as a Segmentation (PS3.3 A.51).
//
// This package is only the command line and the wiring: one file per verb, and
// node.go, the chain of the other packages. It is not a medical device; what it
// writes is not for diagnostic use.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/internal/option"
)

// Exit codes of every verb.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong usage.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if err = namingFlags(cmd, err); err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = interrupted(err)
	}
	report(errOut, err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dicomnode",
		Short: "receive radiographs, segment them with XNet, return DICOM SEG",
		Long: `dicomnode receives radiographs by C-STORE, segments them with XNet into open
beam, soft tissue and bone, and sends a DICOM SEG to your PACS. Not a medical
device; not for diagnostic use.
` + exitCodes,
		Example: `  dicomnode config init dicomnode.yaml
  dicomnode serve --config dicomnode.yaml`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("see \"dicomnode --help\" for the verbs", "unknown verb %q%s", args[0], suggestion(cmd, args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(fmt.Sprintf("see \"%s --help\"", cmd.CommandPath()), "%w", err)
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serveCmd(), segmentCmd(), echoCmd(), sendCmd(), configCmd(), queueCmd(), darkCmd(),
		modelCmd(), trainerCmd(), demoCmd(), versionCmd())
	return root
}

func suggestion(cmd *cobra.Command, word string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(", did you mean %q?", near[0])
	}
	return ""
}

// usageError is a wrong call of the program.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// hintError adds what to do about an error.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func usagef(hint, format string, args ...any) error {
	return &usageError{hinted(fmt.Errorf(format, args...), hint)}
}

// namingFlags makes of an option that was refused a wrong usage that names its flag.
func namingFlags(cmd *cobra.Command, err error) error {
	var refused *option.Error
	if !errors.As(err, &refused) {
		return err
	}
	hint := fmt.Sprintf("see \"%s --help\"", cmd.CommandPath())
	var told *hintError
	if errors.As(err, &told) {
		hint = told.hint
	}
	return usagef(hint, "%s", refused.Flags())
}

func hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintError{err, hint}
}

// interrupted is the error of a program that was told to stop; a hint stays.
func interrupted(err error) error {
	var told *hintError
	if errors.As(err, &told) {
		return hinted(errors.New("interrupted"), told.hint)
	}
	return errors.New("interrupted")
}

// report prints "dicomnode: what" and "hint: what to do".
func report(w io.Writer, err error) {
	var problems configs.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(w, "dicomnode: configuration: %s\nhint: %s\n", p, p.Hint)
		}
		return
	}
	fmt.Fprintf(w, "dicomnode: %s\n", strings.TrimSpace(err.Error()))
	var h *hintError
	if errors.As(err, &h) && h.hint != "" {
		fmt.Fprintf(w, "hint: %s\n", h.hint)
	}
}

// wantArgs accepts at least low and at most high arguments (high < 0: no limit).
func wantArgs(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= low && (high < 0 || len(args) <= high) {
			return nil
		}
		return usagef(fmt.Sprintf("usage: %s", cmd.UseLine()), "%s wants %s", cmd.CommandPath(), what)
	}
}

// group is a verb that only has further verbs.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Long: strings.ToUpper(short[:1]) + short[1:] + ".\n" + exitCodes,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(fmt.Sprintf("see \"%s --help\"", cmd.CommandPath()), "%s wants a further verb", cmd.CommandPath())
			}
			return usagef(fmt.Sprintf("see \"%s --help\"", cmd.CommandPath()), "unknown verb %q%s", args[0], suggestion(cmd, args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	g.AddCommand(verbs...)
	return g
}
