package scu

import (
	"context"
	"fmt"

	"dicomnode/internal/commitment"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// CommitmentRoles negotiates storage commitment (PS3.4 J) with the destination, in both
// roles, and asks for nothing. It returns the roles that this side may have there: SCU
// to ask, SCP to answer what the destination asked (PS3.7 D.3.3.4). An error is that the
// destination does not take the SOP class, or no association.
func (d Destination) CommitmentRoles(ctx context.Context) (scp.Role, error) {
	client, err := d.Dial(ctx, scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel, Roles: scp.SCURole | scp.SCPRole,
		TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}})
	if err != nil {
		return 0, err
	}
	defer client.Abort() // no effect after Release
	if !client.Accepted(uid.StorageCommitmentPushModel, uid.ExplicitVRLittleEndian) {
		if refused := client.Refused(uid.StorageCommitmentPushModel, uid.ImplicitVRLittleEndian); refused != nil {
			return 0, hint.Add(refused, "storage commitment must be switched on there for AE title "+d.Config.Node.AETitle)
		}
	}
	return client.Role(uid.StorageCommitmentPushModel), client.Release(ctx)
}

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
	int(commitment.ProcessingFailure):       {SendAgain, "processing failure"},
	int(commitment.NoSuchObjectInstance):    {SendAgain, "no such object instance"},
	int(commitment.ClassInstanceConflict):   {NeverKept, "class-instance conflict"},
	int(commitment.SOPClassNotSupported):    {NeverKept, "referenced SOP class not supported"},
	int(commitment.DuplicateTransactionUID): {AskAnew, "duplicate transaction UID"},
	int(commitment.ResourceLimitation):      {AskAnew, "resource limitation"},
	NoReason:                                {AskAnew, "the answer does not mention it"},
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
