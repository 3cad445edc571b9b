package dataset

import (
	"fmt"
	"strings"
)

// Severity is that of a problem.
type Severity string

const (
	// Wrong means that the folder cannot be used, or would give wrong scores.
	Wrong Severity = "error"
	// Warning may be intended, but is often a mistake.
	Warning Severity = "warning"
)

// Problem is one thing wrong with a data set folder, and what to do about it.
type Problem struct {
	Severity Severity `json:"severity"`
	Line     int      `json:"line,omitempty"` // of the table, 1-based; 0 for the whole folder
	ID       string   `json:"id,omitempty"`
	Column   string   `json:"column,omitempty"`
	What     string   `json:"what"`
	Hint     string   `json:"hint"`
}

// Error is the problem in one line, without the hint.
func (p Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.ID != "" && !strings.Contains(p.What, fmt.Sprintf("%q", p.ID)) {
		fmt.Fprintf(&b, "%s: ", p.ID)
	}
	return b.String() + p.What
}
