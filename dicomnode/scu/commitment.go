package scu

import "fmt"

// CommitmentVerdict is what a Failure Reason of storage commitment means to who asked.
type CommitmentVerdict int

// The verdicts.
const (
	SendAgain CommitmentVerdict = iota // the peer does not have it
	AskAnew                            // the same request under a new Transaction UID
	NeverKept                          // the peer commits it no other time
)

// NoReason stands for an instance that an answer did not mention.
const NoReason = -1

// commitmentVerdicts says what to do about a Failure Reason (PS3.3 C.14.1.1).
var commitmentVerdicts = map[int]struct {
	verdict CommitmentVerdict
	words   string
}{
	0x0110:   {SendAgain, "processing failure"},
	0x0112:   {SendAgain, "no such object instance"},
	0x0119:   {NeverKept, "class-instance conflict"},
	0x0122:   {NeverKept, "referenced SOP class not supported"},
	0x0131:   {AskAnew, "duplicate transaction UID"},
	0x0213:   {AskAnew, "resource limitation"},
	NoReason: {AskAnew, "the answer does not mention it"},
}

// JudgeCommitment says what a Failure Reason means; one that PS3.3 does not list is
// taken for an instance that is not there. The error names the reason.
func JudgeCommitment(reason int) (CommitmentVerdict, error) {
	v, ok := commitmentVerdicts[reason]
	switch {
	case reason == NoReason:
		return v.verdict, fmt.Errorf("not committed: %s", v.words)
	case !ok:
		return SendAgain, fmt.Errorf("not committed: failure reason %04X", reason)
	}
	return v.verdict, fmt.Errorf("not committed: failure reason %04X (%s)", reason, v.words)
}
