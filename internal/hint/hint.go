// Package hint joins to an error the words that say what to do about it. It knows no
// program and prints nothing: whoever reports the error asks for them.
package hint

import "errors"

// Error is an error with what to do about it. Its text is that of the error alone.
type Error struct {
	Err  error
	Text string // a sentence without a full stop, for who has to act
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that the hint belongs to.
func (e *Error) Unwrap() error { return e.Err }

// Add returns err with a hint, nil for nil.
func Add(err error, text string) error {
	if err == nil {
		return nil
	}
	return &Error{err, text}
}

// Of is the outermost hint of err, empty when it has none.
func Of(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return ""
}
