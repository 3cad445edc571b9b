package scu

import (
	"fmt"

	"dicomnode/scp"
)

// Verdict is how a C-STORE status is handled.
type Verdict int

// The verdicts.
const (
	Stored         Verdict = iota // the peer has stored the object
	Again                         // temporary: the peer may accept it later
	MaybeTemporary                // possibly temporary: some PACSs return it while they start or are full
	Refused                       // permanent: the peer will not accept it
)

// verdictLine is the verdict of the statuses that match.
type verdictLine struct {
	mask, status scp.Status
	verdict      Verdict
	words        string
	hint         string // for the user; "" refers to the peer's log
}

// verdicts are the verdicts of C-STORE statuses; the first line that matches status&mask is
// used (PS3.4 Table B.2-1, PS3.7 annex C). A status that no line matches is a refusal.
var verdicts = []verdictLine{
	{0xFFFF, 0x0000, Stored, "success", ""},
	{0xF000, 0xB000, Stored, "warning: stored with coercion or discarded elements", ""},
	{0xFFFF, 0x0001, Stored, "warning", ""},
	{0xFFFF, 0x0107, Stored, "warning: attribute list error", ""},
	{0xFFFF, 0x0116, Stored, "warning: attribute value out of range", ""},
	{0xFFFF, 0x0111, Stored, "duplicate SOP instance: it has the object already", ""},
	{0xFF00, 0xA700, Again, "out of resources", "its disk or its queue is full: free some space; the delivery is retried automatically"},
	{0xFFFF, 0x0110, Again, "processing failure", ""},
	{0xFFFF, 0x0213, Again, "resource limitation", ""},
	{0xFFFF, 0x0124, Again, "refused: not authorized", "have our AE title allowed to store there"},
	{0xFFFF, 0x0105, MaybeTemporary, "no such attribute", ""},
	{0xFFFF, 0x0210, MaybeTemporary, "duplicate invocation", ""},
	{0xFFFF, 0xFE00, Again, "cancelled", ""},
	{0xFFFF, 0x0122, Refused, "SOP class not supported", "have the SOP class enabled there, or write for the peer what it takes: forms: […]"},
	{0xFF00, 0xA900, Refused, "data set does not match SOP class", "it does not take the object as it is: ask its maker, or send another form: forms: […]"},
	{0xF000, 0xC000, MaybeTemporary, "cannot understand", ""},
}

// lineOf is the first line that matches a status.
func lineOf(status scp.Status) verdictLine {
	for _, v := range verdicts {
		if status&v.mask == v.status {
			return v
		}
	}
	return verdictLine{verdict: Refused, words: "failure"}
}

// Judge returns the verdict of a C-STORE status. The error is nil for Stored, and names the
// status otherwise.
func Judge(status scp.Status) (Verdict, error) {
	v := lineOf(status)
	if v.verdict == Stored {
		return Stored, nil
	}
	return v.verdict, fmt.Errorf("status %04X (%s)", uint16(status), v.words)
}
