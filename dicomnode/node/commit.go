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
	// batchDelay is how long after the last object is sent to a destination commitment of the
	// batch is requested; batchMaxDelay is the longest delay after the first one.
	batchDelay    = 3 * time.Second
	batchMaxDelay = time.Minute
	// maxReferences is the number of instances in one request.
	maxReferences = 1000
	// retryPause is the pause after a request that failed; it doubles up to retryPauseMax.
	retryPause    = 5 * time.Second
	retryPauseMax = 10 * time.Minute
	// reportWait is how long the node waits for the report on the association of the request.
	reportWait = 10 * time.Second
)

// commitments sends requests for storage commitment (PS3.4 J.3.2) to destinations, in batches.
type commitments struct {
	request      func(ctx context.Context, destination string, objects []int64) error
	quiet, pause time.Duration // batchDelay and retryPause, but for tests

	mu   sync.Mutex
	by   map[string]*batch
	wake chan struct{}
	open map[string]bool // Transaction UIDs of requests that are being sent
}

// batch is the objects of the next request to a destination.
type batch struct {
	objects    map[int64]bool
	begun      time.Time // the first of them
	due        time.Time
	failures   int
	requesting bool
}

func newCommitments(request func(context.Context, string, []int64) error) *commitments {
	return &commitments{request: request, quiet: batchDelay, pause: retryPause, by: map[string]*batch{}, wake: make(chan struct{}, 1), open: map[string]bool{}}
}

// join adds an object that a destination has stored to the next request. An object that is
// in it already does not postpone the request.
func (c *commitments) join(destination string, object int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.by[destination]
	if b == nil {
		b = &batch{objects: map[int64]bool{}}
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
		b.due = now.Add(min(c.quiet, max(0, batchMaxDelay-now.Sub(b.begun))))
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run sends requests until ctx ends, and waits for those in progress.
func (c *commitments) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		next := c.begin(func(destination string, objects []int64) {
			wg.Go(func() { c.end(destination, objects, c.request(ctx, destination, objects)) })
		})
		timer := time.NewTimer(next)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// begin starts the requests that are due and returns the time until the next one.
func (c *commitments) begin(start func(destination string, objects []int64)) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Hour
	for destination, b := range c.by {
		if b.requesting || len(b.objects) == 0 {
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
		b.requesting, b.begun = true, time.Now()
		start(destination, objects)
	}
	return next
}

// end notes the result of a request. One that failed is repeated after a growing pause, one
// to a paused destination when the pause may have ended.
func (c *commitments) end(destination string, objects []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.by[destination]
	b.requesting = false
	switch {
	case err == nil:
		b.failures = 0
	case errors.Is(err, errPaused):
		b.due = time.Now().Add(pauseHold)
	default:
		b.due = time.Now().Add(min(retryPauseMax, c.pause<<min(b.failures, 16)))
		b.failures++
	}
	if err != nil {
		for _, id := range objects {
			b.objects[id] = true
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// markOpen marks a transaction as open until the returned function is called.
func (c *commitments) markOpen(transactionUID string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[transactionUID] = true
	return func() { c.markClosed(transactionUID) }
}

// markClosed marks a transaction as sent or answered.
func (c *commitments) markClosed(transactionUID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, transactionUID)
}

func (c *commitments) isOpen(transactionUID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open[transactionUID]
}

// errUncommitted says what the job of a delivery waits for.
func errUncommitted(how string) error { return fmt.Errorf("%w: %s", archive.ErrNotCommitted, how) }

// commit runs a deliver job whose object the destination has stored and must commit.
func (n *Node) commit(ctx context.Context, o archive.Object, d index.Delivery) (index.DeliveryState, error) {
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
	why := "to be requested"
	if p, paused, err := n.archive.Paused(ctx, d.Destination); err == nil && paused {
		why = "its destination is " + pausedBy(p).Error()
	}
	return "", archive.Later(errUncommitted(why), n.recheckTime())
}

// recheckTime is how soon a job that waits for commitment is run again.
func (n *Node) recheckTime() time.Duration {
	return min(archive.CommitmentRecheckTime, n.config.Load().Network.CommitmentWait)
}

// awaitCommitment waits for a report as long as the configuration says.
func (n *Node) awaitCommitment(d index.Delivery) (index.DeliveryState, error) {
	wait := n.config.Load().Network.CommitmentWait
	switch {
	case n.commitments.isOpen(d.TransactionUID):
		return "", archive.Later(errUncommitted("being requested"), n.recheckTime())
	case d.RequestedAt.IsZero(): // the node ended during the request: it may have arrived or not
		return index.Sent, archive.Later(errUncommitted("to be requested again"), 0)
	case time.Since(d.RequestedAt) < wait:
		return "", archive.Later(errUncommitted("requested at "+d.RequestedAt.Format(time.DateTime)), n.recheckTime())
	}
	n.log.Warn("no answer to a request for storage commitment, it is repeated", "object", d.ObjectID, "destination", d.Destination, "waited", wait,
		"hint", "does "+d.Destination+" know this node's address and port, to send the N-EVENT-REPORT to?")
	return index.Sent, fmt.Errorf("not committed: no answer within %v", wait)
}

// uncommitted decides what follows a report that the object is not committed.
func (n *Node) uncommitted(o archive.Object, d index.Delivery) (index.DeliveryState, error) {
	verdict, err := scu.JudgeCommitment(d.Status)
	next := map[scu.CommitmentVerdict]index.DeliveryState{scu.SendAgain: index.Failing, scu.RequestAgain: index.Sent, scu.NeverCommitted: index.Refused}[verdict]
	n.log.Warn("object not committed", "object", o.ID, "destination", d.Destination, "error", err, "next", string(next))
	err = fmt.Errorf("%s: %w", d.Destination, err)
	if verdict == scu.NeverCommitted {
		err = archive.Permanent(err)
	}
	return next, err
}

// askCommitment makes one request for objects that a destination has stored. The Transaction
// UID is on disk before it is sent.
func (n *Node) askCommitment(ctx context.Context, destination string, objects []int64) error {
	err := n.requestCommitment(ctx, destination, objects)
	switch {
	case errors.Is(err, errPaused):
		n.log.Debug("request for storage commitment waits", "destination", destination, "objects", len(objects), "reason", err)
	case err != nil && ctx.Err() == nil:
		n.log.Warn("request for storage commitment failed, it is retried", "destination", destination, "objects", len(objects), "error", err,
			"hint", "if "+destination+" does not offer it, set storage_commitment: false")
	}
	return err
}

func (n *Node) requestCommitment(ctx context.Context, destination string, objects []int64) error {
	if p, paused, err := n.archive.Paused(ctx, destination); err != nil {
		return err
	} else if paused {
		return pausedBy(p)
	}
	if wanted, err := n.anySent(ctx, destination, objects); err != nil || !wanted {
		return err // their deliveries were dropped, or the objects erased
	}
	peer, err := n.readyPeer(ctx, destination)
	if err != nil {
		return err
	}
	transaction := commitment.NewTransactionUID()
	defer n.commitments.markOpen(transaction)()
	client, syntax, err := n.dialCommitment(ctx, peer, commitmentProposal)
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	asked, err := n.sendRequest(ctx, client, destination, transaction, syntax, objects)
	if err != nil || !asked {
		return err
	}
	n.listen(ctx, client, transaction)
	return nil
}

// anySent reports whether one of the objects is still to be committed by the destination.
func (n *Node) anySent(ctx context.Context, destination string, objects []int64) (bool, error) {
	for _, id := range objects {
		all, err := n.archive.Deliveries(ctx, id)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(all, func(d index.Delivery) bool { return d.Destination == destination && d.State == index.Sent }) {
			return true, nil
		}
	}
	return false, nil
}

// listen waits a moment for the report on the association of the request; errors do not
// matter, because the request was accepted. A report on another association ends the wait.
func (n *Node) listen(ctx context.Context, client *scp.Client, transaction string) {
	answered := func() bool { return !n.commitments.isOpen(transaction) }
	for begun := time.Now(); !answered() && time.Since(begun) < reportWait; {
		if err := client.Listen(ctx, reportWait/20, answered); err != nil {
			return
		}
	}
	_ = client.Release(ctx)
}

var commitmentProposal = scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel,
	TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}}

// sendRequest performs the N-ACTION; false when there is nothing to commit any more.
func (n *Node) sendRequest(ctx context.Context, client *scp.Client, destination, transaction, syntax string, objects []int64) (bool, error) {
	refs, err := n.archive.AskCommitment(ctx, destination, transaction, objects)
	if err != nil || len(refs) == 0 {
		return false, err
	}
	data, err := commitment.Request{TransactionUID: transaction, References: refs}.Encode(syntax)
	if err == nil {
		err = client.RequestCommitment(ctx, syntax, bytes.NewReader(data))
	}
	if ctx.Err() != nil {
		return false, err // the node stops: its next start repeats the request
	}
	if err == nil {
		n.log.Info("storage commitment requested", "destination", destination, "objects", len(refs))
	}
	return err == nil, errors.Join(err, ignore(n.archive.CommitmentAsked(ctx, destination, transaction, err == nil), archive.ErrNoTransaction))
}

// commitReport records a report of a peer (PS3.4 J.3.3). It returns nil when the report is on
// disk.
func (n *Node) commitReport(ctx context.Context, peer, transferSyntaxUID string, r io.Reader) error {
	result, err := commitment.ReadResult(r, transferSyntaxUID)
	if err != nil {
		return &scp.StatusError{Status: scp.InvalidArgumentValue, Comment: "event information cannot be read", Err: err}
	}
	n.commitments.markClosed(result.TransactionUID)
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

// answers serves the requests of a destination on an association that the node opened: reports
// of storage commitment.
type answers struct {
	node *Node
	peer configs.Peer
}

var _ scp.CommitReportSession = answers{}

// CommitReport records a report.
func (a answers) CommitReport(ctx context.Context, _ bool, transferSyntaxUID string, r io.Reader) error {
	return a.node.commitReport(ctx, a.peer.Name, transferSyntaxUID, r)
}

// Store is refused on these associations.
func (a answers) Store(context.Context, scp.StoreRequest, io.Reader) error {
	return &scp.StatusError{Status: scp.SOPClassNotSupported}
}

// Close does nothing.
func (a answers) Close() error { return nil }
