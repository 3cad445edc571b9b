package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/commitment"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

const (
	// burstQuiet is how long nothing more is sent to a destination before it is asked to
	// commit what was, burstMost how long the first of a burst waits at most.
	burstQuiet = 3 * time.Second
	burstMost  = time.Minute
	// maxReferences is how many instances one request is about.
	maxReferences = 1000
	// askPause is the pause after a request that failed; it doubles up to askMost.
	askPause = 5 * time.Second
	askMost  = 10 * time.Minute
	// reportWait is how long an answer is waited for on the association of the request.
	reportWait = 10 * time.Second
)

// commitments asks destinations to commit what they have stored (PS3.4 J.3.2), for
// each in bursts.
type commitments struct {
	ask          func(ctx context.Context, destination string, objects []int64) error
	quiet, pause time.Duration // burstQuiet and askPause, but for tests

	mu     sync.Mutex
	by     map[string]*burst
	poked  chan struct{}
	flight map[string]bool // Transaction UIDs that are being asked
}

// burst is what a destination is to be asked about.
type burst struct {
	objects  map[int64]bool
	begun    time.Time // the first of them
	due      time.Time
	failures int
	asking   bool
}

func newCommitments(ask func(context.Context, string, []int64) error) *commitments {
	return &commitments{ask: ask, quiet: burstQuiet, pause: askPause, by: map[string]*burst{}, poked: make(chan struct{}, 1), flight: map[string]bool{}}
}

// join adds an object that a destination has stored to the next request. A job that
// looks again whether its object was committed puts the request off no further.
func (c *commitments) join(destination string, object int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.by[destination]
	if b == nil {
		b = &burst{objects: map[int64]bool{}}
		c.by[destination] = b
	}
	if b.objects[object] {
		return
	}
	now := time.Now()
	if len(b.objects) == 0 {
		b.begun = now
	}
	b.objects[object] = true
	if b.failures == 0 {
		b.due = now.Add(min(c.quiet, max(0, burstMost-now.Sub(b.begun))))
	}
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// run asks until ctx ends, and waits for those who ask.
func (c *commitments) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		next := c.begin(func(destination string, objects []int64) {
			wg.Go(func() { c.end(destination, objects, c.ask(ctx, destination, objects)) })
		})
		timer := time.NewTimer(next)
		select {
		case <-c.poked:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// begin starts what is due and returns how long until the next is.
func (c *commitments) begin(start func(destination string, objects []int64)) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Hour
	for destination, b := range c.by {
		if b.asking || len(b.objects) == 0 {
			continue
		}
		if wait := time.Until(b.due); wait > 0 {
			next = min(next, wait)
			continue
		}
		var objects []int64
		for id := range b.objects {
			if len(objects) < maxReferences {
				objects = append(objects, id)
				delete(b.objects, id)
			}
		}
		slices.Sort(objects)
		b.asking, b.begun = true, time.Now()
		start(destination, objects)
	}
	return next
}

// end notes what came of asking; what failed is asked for again after a pause.
func (c *commitments) end(destination string, objects []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.by[destination]
	b.asking = false
	if err == nil {
		b.failures = 0
	} else {
		b.due = time.Now().Add(min(askMost, c.pause<<min(b.failures, 16)))
		b.failures++
		for _, id := range objects {
			b.objects[id] = true
		}
	}
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// flying marks a transaction as being asked, until the function returned is called.
func (c *commitments) flying(transactionUID string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight[transactionUID] = true
	return func() { c.landed(transactionUID) }
}

// landed says that a transaction is not being asked any more, or answered.
func (c *commitments) landed(transactionUID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flight, transactionUID)
}

func (c *commitments) flies(transactionUID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flight[transactionUID]
}

// errToCommit is what the job of a delivery waits for.
func errToCommit(how string) error { return fmt.Errorf("%w: %s", archive.ErrNotCommitted, how) }

// commit does a deliver job whose object the destination has stored and is to commit.
func (n *Node) commit(_ context.Context, o archive.Object, d index.Delivery) (index.DeliveryState, error) {
	if peer, ok := n.config.Load().Peer(d.Destination); ok && !peer.StorageCommitment {
		n.log.Warn("delivery counts as done without commitment: its destination no longer has storage_commitment", "object", o.ID, "destination", d.Destination)
		return index.Delivered, nil
	}
	switch d.State {
	case index.Requested:
		return n.awaitCommitment(d)
	case index.NotCommitted:
		return n.uncommitted(o, d)
	}
	n.commitments.join(d.Destination, o.ID)
	return "", archive.Later(errToCommit("to be asked for"), n.look())
}

// look is how soon a job that waits for commitment looks again.
func (n *Node) look() time.Duration {
	return min(archive.CommitmentLook, n.config.Load().Network.CommitmentWait)
}

// awaitCommitment waits for an answer as long as the configuration says.
func (n *Node) awaitCommitment(d index.Delivery) (index.DeliveryState, error) {
	wait := n.config.Load().Network.CommitmentWait
	switch {
	case n.commitments.flies(d.TransactionUID):
		return "", archive.Later(errToCommit("being asked for"), n.look())
	case d.RequestedAt.IsZero(): // the node ended while it asked: nobody knows how far it came
		return index.Sent, archive.Later(errToCommit("to be asked for again"), 0)
	case time.Since(d.RequestedAt) < wait:
		return "", archive.Later(errToCommit("asked for at "+d.RequestedAt.Format(time.DateTime)), n.look())
	}
	n.log.Warn("no answer to a request for storage commitment, it is repeated", "object", d.ObjectID, "destination", d.Destination, "waited", wait,
		"hint", "does "+d.Destination+" know this node's address and port, to send the N-EVENT-REPORT to?")
	return index.Sent, fmt.Errorf("not committed: no answer within %v", wait)
}

// uncommitted decides what follows on an answer that is no commitment.
func (n *Node) uncommitted(o archive.Object, d index.Delivery) (index.DeliveryState, error) {
	verdict, err := scu.JudgeCommitment(d.Status)
	next := map[scu.CommitmentVerdict]index.DeliveryState{scu.SendAgain: index.Failing, scu.AskAnew: index.Sent, scu.NeverKept: index.Refused}[verdict]
	n.log.Warn("object not committed", "object", o.ID, "destination", d.Destination, "error", err, "next", string(next))
	err = fmt.Errorf("%s: %w", d.Destination, err)
	if verdict == scu.NeverKept {
		err = archive.Permanent(err)
	}
	return next, err
}

// askCommitment makes one request about what a destination has stored. The Transaction
// UID is on disk before it is sent.
func (n *Node) askCommitment(ctx context.Context, destination string, objects []int64) error {
	err := n.requestCommitment(ctx, destination, objects)
	if err != nil && ctx.Err() == nil {
		n.log.Warn("request for storage commitment failed, it is retried", "destination", destination, "objects", len(objects), "error", err,
			"hint", "if "+destination+" does not offer it, set storage_commitment: false")
	}
	return err
}

func (n *Node) requestCommitment(ctx context.Context, destination string, objects []int64) error {
	peer, ok := n.config.Load().Peer(destination)
	if !ok || !peer.Callable() {
		return fmt.Errorf("no peer with an address is named %q in the configuration", destination)
	}
	if p, paused, err := n.archive.Paused(ctx, destination); err != nil || paused {
		return errors.Join(err, fmt.Errorf("paused by %s", p.Who))
	}
	if err := n.destinations.ready(ctx, destination, func(ctx context.Context) error { return n.probe(ctx, peer) }); err != nil {
		return err
	}
	transaction := commitment.NewTransactionUID()
	defer n.commitments.flying(transaction)()
	client, syntax, err := n.dialCommitment(ctx, peer, commitmentProposal)
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	asked, err := n.ask(ctx, client, destination, transaction, syntax, objects)
	if err != nil || !asked {
		return err
	}
	n.listen(ctx, client, transaction)
	return nil
}

// listen waits a moment for the answer on the association of the request, which was
// accepted whatever comes now. An answer on another association ends the wait.
func (n *Node) listen(ctx context.Context, client *scp.Client, transaction string) {
	answered := func() bool { return !n.commitments.flies(transaction) }
	for begun := time.Now(); !answered() && time.Since(begun) < reportWait; {
		if err := client.Listen(ctx, reportWait/20, answered); err != nil {
			return
		}
	}
	_ = client.Release(ctx)
}

var commitmentProposal = scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel,
	TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}}

// ask performs the N-ACTION; false when there is nothing to ask about any more.
func (n *Node) ask(ctx context.Context, client *scp.Client, destination, transaction, syntax string, objects []int64) (bool, error) {
	refs, err := n.archive.AskCommitment(ctx, destination, transaction, objects)
	if err != nil || len(refs) == 0 {
		return false, err
	}
	data, err := commitment.Request{TransactionUID: transaction, References: refs}.Encode(syntax)
	if err == nil {
		err = client.RequestCommitment(ctx, syntax, bytes.NewReader(data))
	}
	if ctx.Err() != nil {
		return false, err // the node stops: its next start asks again
	}
	if err == nil {
		n.log.Info("storage commitment requested", "destination", destination, "objects", len(refs))
	}
	return err == nil, errors.Join(err, ignore(n.archive.CommitmentAsked(ctx, destination, transaction, err == nil), archive.ErrNoTransaction))
}

// commitReport takes in an answer of a peer (PS3.4 J.3.3). It returns nil when the
// answer is on disk.
func (n *Node) commitReport(ctx context.Context, peer, transferSyntaxUID string, r io.Reader) error {
	result, err := commitment.ReadResult(r, transferSyntaxUID)
	if err != nil {
		return &scp.StatusError{Status: scp.InvalidArgumentValue, Comment: "event information cannot be read", Err: err}
	}
	n.commitments.landed(result.TransactionUID)
	said, err := n.archive.Committed(ctx, peer, result)
	if errors.Is(err, archive.ErrNoTransaction) {
		if relayed, rerr := n.relay(ctx, peer, result); relayed || rerr != nil {
			return rerr
		}
		n.log.Warn("storage commitment report without a pending request of this node", "peer", peer,
			"committed", len(result.Committed), "failed", len(result.Failed))
		return &scp.StatusError{Status: scp.InvalidArgumentValue, Comment: "no such Transaction UID", Err: err}
	}
	if err != nil {
		return err
	}
	log := n.log.With("destination", peer, "committed", said.Committed)
	if bad := said.NotCommitted + said.Unmentioned + said.TakenBack; bad > 0 {
		log.Warn("storage commitment answered", "not_committed", said.NotCommitted, "not_mentioned", said.Unmentioned, "taken_back", said.TakenBack)
	} else {
		log.Info("storage commitment answered")
	}
	return nil
}

// answers performs what a destination asks for on an association of ours: it answers a
// request for storage commitment.
type answers struct {
	node *Node
	peer configs.Peer
}

var _ scp.CommitReportSession = answers{}

// CommitReport takes in an answer.
func (a answers) CommitReport(ctx context.Context, _ bool, transferSyntaxUID string, r io.Reader) error {
	return a.node.commitReport(ctx, a.peer.Name, transferSyntaxUID, r)
}

// Store is not for these associations.
func (a answers) Store(context.Context, scp.StoreRequest, io.Reader) error {
	return &scp.StatusError{Status: scp.SOPClassNotSupported}
}

// Close has nothing to end.
func (a answers) Close() error { return nil }
