package scu

import (
	"context"
	"fmt"

	"dicomnode/internal/commitment"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// CommitmentRoles negotiates storage commitment (PS3.4 J) with the destination, in both roles,
// and sends no request. It returns the roles that the destination accepts for this side: SCU to
// request, SCP to report what the destination requested (PS3.7 D.3.3.4). It returns an error if
// the association fails or the SOP class is not accepted.
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
	d.release(ctx, client)
	return client.Role(uid.StorageCommitmentPushModel), nil
}

// CommitmentVerdict is how a Failure Reason of storage commitment is handled.
type CommitmentVerdict int

// The verdicts.
const (
	SendAgain      CommitmentVerdict = iota // the peer does not have it: send it again
	RequestAgain                            // repeat the request under a new Transaction UID
	NeverCommitted                          // the peer will never commit it
)

// NoReason is used for an instance that a report did not mention.
const NoReason = -1

// commitmentVerdicts are the verdicts of Failure Reasons (PS3.3 C.14.1.1).
var commitmentVerdicts = map[int]struct {
	verdict CommitmentVerdict
	words   string
}{
	int(commitment.ProcessingFailure):       {SendAgain, "processing failure"},
	int(commitment.NoSuchObjectInstance):    {SendAgain, "no such object instance"},
	int(commitment.ClassInstanceConflict):   {NeverCommitted, "class-instance conflict"},
	int(commitment.SOPClassNotSupported):    {NeverCommitted, "referenced SOP class not supported"},
	int(commitment.DuplicateTransactionUID): {RequestAgain, "duplicate transaction UID"},
	int(commitment.ResourceLimitation):      {RequestAgain, "resource limitation"},
	NoReason:                                {RequestAgain, "the answer does not mention it"},
}

// JudgeCommitment returns the verdict of a Failure Reason; one that PS3.3 does not list is
// handled like a missing instance. The error names the reason.
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
