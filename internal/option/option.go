// Package option says which option of a run has a value that it cannot have, so that
// whoever asked for the run can name it in his own words: the command line names the
// flag. It knows no flags and parses nothing.
package option

import (
	"fmt"
	"strings"
)

// Error is a value that an option cannot have, or several that exclude each other.
type Error struct {
	Names  []string // of the options, spelled like flags without dashes: "per-body-part"
	Reason error    // what follows the names: "0: want at least 1"
}

// Refuse returns an *Error. names are apart by spaces; format and args, as of
// fmt.Errorf, give the reason, which begins with the value where there is one name.
func Refuse(names, format string, args ...any) error {
	return &Error{strings.Fields(names), fmt.Errorf(format, args...)}
}

// Error implements error, without dashes.
func (e *Error) Error() string { return e.text("") }

// Flags is the text that names flags.
func (e *Error) Flags() string { return e.text("--") }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

func (e *Error) text(dashes string) string {
	return dashes + strings.Join(e.Names, " and "+dashes) + " " + e.Reason.Error()
}
