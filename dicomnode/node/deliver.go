package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// outputs makes the objects of one image for the destinations of its route. One that cannot be
// made does not prevent the others; if none can be made, retrying is useless.
func (n *Node) outputs(ctx context.Context, c *configs.Config, route configs.Route, o archive.Object, img *decode.Image, res *segment.Result) ([]archive.Output, error) {
	objects, err := outputs.New(n.formsTaken(ctx, *c, route), n.version, img, res).Route(route)
	if err != nil && len(objects) == 0 {
		return nil, archive.Permanent(err)
	}
	if err != nil {
		n.log.Error("output not made", "object", o.ID, "route", route.Name, "error", err)
	}
	out := make([]archive.Output, len(objects))
	for i, m := range objects {
		out[i] = archive.Output{
			SOPClassUID: m.SOPClassUID, SOPInstanceUID: m.SOPInstanceUID,
			TransferSyntaxUID: uid.ExplicitVRLittleEndian, Destinations: m.Destinations, Write: m.Encode,
		}
	}
	return out, nil
}

// deliver runs a deliver job: C-STORE to the destination. Only success or a warning ends it
// (PS3.4 B.2.3).
func (n *Node) deliver(ctx context.Context, o archive.Object, destination string) (archive.Answer, error) {
	begun := time.Now()
	said, err := n.store(ctx, o, destination)
	answered := archive.Answer{}
	if said.given {
		answered = archive.Answer{Status: int(said.status), Words: said.String()}
	}
	n.noteTransfer(ctx, o, destination, said, err)
	if err != nil {
		return answered, fmt.Errorf("deliver to %s: %w", destination, withHint(err))
	}
	message := "object delivered"
	if peer, _ := n.config.Load().Peer(destination); peer.StorageCommitment {
		message, answered.Commit = "object sent, to be committed", true
	}
	n.log.Info(message, "object", o.ID, "destination", destination, "status", fmt.Sprintf("%04X", uint16(said.status)), "took", time.Since(begun))
	return answered, nil
}

// transfer is one to a destination as the audit trail has it.
func (n *Node) transfer(destination string) audit.Transfer {
	c := n.config.Load()
	peer, _ := c.Peer(destination)
	return audit.Transfer{From: audit.AE{Title: c.Node.AETitle}, To: audit.AE{Title: peer.AETitle, Address: peer.Host()}, Fresh: true}
}

// noteTransfer has the audit trail know how a delivery ended: each that was begun, and
// one that fails for good, begun or not.
func (n *Node) noteTransfer(ctx context.Context, o archive.Object, destination string, said answer, err error) {
	t := n.transfer(destination)
	switch {
	case err == nil:
	case archive.IsFinal(ctx, err):
		t.Outcome, t.Words = audit.SeriousFailure, err.Error()
	case said.begun:
		t.Outcome, t.Words = audit.MinorFailure, err.Error()
	default:
		return
	}
	n.trail.Transferred(t, o)
}

// withHint adds the hint to the text of an error, for the list of jobs.
func withHint(err error) error {
	if text := hint.Of(err); text != "" {
		return fmt.Errorf("%w; %s", err, text)
	}
	return err
}

// store sends to the destination, unless it is known to be down, and judges the response. Where
// nothing could be sent, the time of earlier refusals starts again.
func (n *Node) store(ctx context.Context, o archive.Object, destination string) (answer, error) {
	if err := n.whilePaused(ctx, destination); err != nil {
		n.refusals.end(o.ID, destination)
		return answer{}, err
	}
	said, err := n.call(ctx, o, destination)
	var source *scp.SourceError
	switch {
	case err == nil:
		n.destinations.worked(destination)
	case errors.Is(err, errDown):
		n.refusals.end(o.ID, destination)
		err = archive.Later(err, probeMax)
	case archive.IsInstead(err): // the destination works, and the change of form was logged
	case ctx.Err() != nil:
	case errors.As(err, &source): // the destination has no part in it
		n.log.Warn("result cannot be read to be delivered", "job", archive.JobOf(ctx), "object", o.ID, "destination", destination, "error", err, "hint", hint.Of(err))
	default:
		var unreachable *unreachableError
		lost := errors.As(err, &unreachable)
		if lost {
			n.refusals.end(o.ID, destination)
		}
		n.destinations.failed(destination, archive.JobOf(ctx), o.ID, lost, err)
	}
	return said, err
}

func (n *Node) call(ctx context.Context, o archive.Object, destination string) (answer, error) {
	peer, err := n.readyPeer(ctx, destination)
	if err != nil {
		return answer{}, err
	}
	advice := scu.Destination{Config: *n.config.Load(), Peer: peer}
	n.trail.Begins(n.transfer(destination), o)
	said, err := n.associations.store(ctx, peer, o)
	said.begun = true
	if err != nil {
		return said, n.unanswered(ctx, peer, o, hint.Add(err, advice.Hint(err)))
	}
	verdict, err := scu.Judge(said.status)
	if err != nil && said.comment != "" {
		err = fmt.Errorf("%w, Error Comment %q", err, said.comment)
	}
	err = hint.Add(err, advice.Hint(&scp.StatusError{Status: said.status}))
	if verdict == scu.MaybeTemporary && n.refusals.lasted(o.ID, destination, refusedFor) {
		verdict = scu.Refused
	}
	if verdict == scu.Stored || verdict == scu.Refused {
		n.refusals.end(o.ID, destination)
	}
	switch {
	case verdict == scu.Refused && said.status == scp.SOPClassNotSupported:
		return said, n.instead(ctx, peer, o, err)
	case verdict == scu.Refused:
		return said, archive.Permanent(err)
	}
	return said, err
}

// callable is the peer of the configuration that results are sent to under this name.
func (n *Node) callable(destination string) (configs.Peer, error) {
	peer, ok := n.config.Load().Peer(destination)
	if !ok || !peer.Callable() {
		return peer, fmt.Errorf("no peer with an address is named %q in the configuration", destination)
	}
	return peer, nil
}

// readyPeer waits until the destination may be called. The peer that it returns has the current
// address: a reload may have replaced it in the meantime.
func (n *Node) readyPeer(ctx context.Context, destination string) (configs.Peer, error) {
	if peer, err := n.callable(destination); err != nil {
		return peer, err
	}
	err := n.destinations.ready(ctx, destination, func(ctx context.Context) error {
		peer, err := n.callable(destination)
		if err != nil {
			return err
		}
		return n.probe(ctx, peer)
	})
	if err != nil {
		return configs.Peer{}, err
	}
	return n.callable(destination)
}

// unanswered is the error of an object that was refused in negotiation, or got no valid
// response. It is permanent if that has lasted for refusedFor, or will not change.
func (n *Node) unanswered(ctx context.Context, peer configs.Peer, o archive.Object, err error) error {
	var refused *scp.ContextError
	var garbled *garbledError
	switch {
	case errors.As(err, &refused):
		if refused.Transient() && !n.refusals.lasted(o.ID, peer.Name, refusedFor) {
			return err
		}
		n.refusals.end(o.ID, peer.Name)
		return n.instead(ctx, peer, o, err)
	case errors.As(err, &garbled) && n.refusals.lasted(o.ID, peer.Name, refusedFor):
		n.refusals.end(o.ID, peer.Name)
		return archive.Permanent(err)
	}
	return quarantine(err)
}

const (
	// pausePollInterval is how often a delivery to a paused destination checks for the end of
	// the pause.
	pausePollInterval = time.Second
	// pauseHold is how long it checks before it lets other jobs run.
	pauseHold = time.Minute
)

// errPaused means that somebody has paused the destination.
var errPaused = errors.New("paused")

func pausedBy(p archive.Pause) error {
	return fmt.Errorf("%w by %s since %s", errPaused, p.Who, p.Since.Format(time.DateTime))
}

// whilePaused returns nil if the destination is not paused. Otherwise it waits up to pauseHold
// for the end of the pause; after that, and when the node stops, the delivery is postponed.
func (n *Node) whilePaused(ctx context.Context, destination string) error {
	tick := time.NewTicker(pausePollInterval)
	defer tick.Stop()
	for begun := time.Now(); ; {
		p, paused, err := n.archive.Paused(ctx, destination)
		if err != nil || !paused {
			return err
		}
		if time.Since(begun) >= pauseHold {
			return archive.Later(pausedBy(p), pauseHold)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refusedFor is how long a refusal of an object that may be temporary is retried before it
// counts as permanent.
const refusedFor = time.Hour

// probe tests whether a destination accepts associations. C-ECHO would tell more, but not every
// PACS offers it to every peer; an association is enough to send an object.
func (n *Node) probe(ctx context.Context, peer configs.Peer) error {
	err := n.associate(ctx, peer)
	return hint.Add(err, scu.Destination{Config: *n.config.Load(), Peer: peer}.Hint(err))
}

func (n *Node) associate(ctx context.Context, peer configs.Peer) error {
	client, err := n.dial(ctx, peer, scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	if client.Accepted(uid.Verification, uid.ImplicitVRLittleEndian) {
		if err := client.Echo(ctx); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	if err := client.Release(ctx); err != nil { // it has answered, which is what was asked
		n.log.Debug("association did not end by A-RELEASE", "destination", peer.Name, "error", err)
	}
	return nil
}
