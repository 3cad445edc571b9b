package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/commitment"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// requestPollInterval is how often the archive is checked for requests for storage commitment.
const requestPollInterval = 5 * time.Second

// commitmentRequests answers the requests of peers for storage commitment (PS3.4 J), each on an
// association of its own. With commitment the node takes over responsibility for an instance
// (J.1.1). It commits by itself only if nothing is ever removed; otherwise it commits what the
// archive named by commitment_by has committed.
type commitmentRequests struct {
	wake chan struct{}

	mu         sync.Mutex
	inProgress map[string]bool      // by peer and Transaction UID
	next       map[string]time.Time // time of the next attempt after a failure
	tries      map[string]int
}

func newCommitmentRequests() *commitmentRequests {
	return &commitmentRequests{wake: make(chan struct{}, 1), inProgress: map[string]bool{}, next: map[string]time.Time{}, tries: map[string]int{}}
}

func (p *commitmentRequests) notify() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// begin reports whether a request may be processed now: it is not in progress and does not wait
// for a retry.
func (p *commitmentRequests) begin(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inProgress[key] || time.Now().Before(p.next[key]) {
		return false
	}
	p.inProgress[key] = true
	return true
}

// end marks a request as no longer in progress; a failed one waits, longer each time.
func (p *commitmentRequests) end(key string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inProgress, key)
	if err == nil {
		delete(p.next, key)
		delete(p.tries, key)
		return
	}
	p.next[key] = time.Now().Add(min(retryPauseMax, retryPause<<min(p.tries[key], 16)))
	p.tries[key]++
}

// answerRequests answers requests until ctx ends.
func (n *Node) answerRequests(ctx context.Context) {
	tick := time.NewTicker(requestPollInterval)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		all, err := n.archive.CommitmentRequests(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("cannot read requests for storage commitment", "error", err)
		}
		for _, p := range all {
			key := p.Peer + " " + p.Request.TransactionUID
			if err != nil || !n.commitmentRequests.begin(key) {
				continue
			}
			wg.Go(func() { n.commitmentRequests.end(key, n.answerRequest(ctx, p)) })
		}
		select {
		case <-tick.C:
		case <-n.commitmentRequests.wake:
		case <-ctx.Done():
			return
		}
	}
}

// answerRequest processes a request as far as possible now.
func (n *Node) answerRequest(ctx context.Context, p archive.CommitmentRequest) error {
	if p.Result == nil {
		decided, err := n.decide(ctx, &p)
		if err != nil && ctx.Err() == nil {
			n.log.Warn("request for storage commitment not decided, it is retried", "peer", p.Peer, "error", err)
		}
		if err != nil || !decided {
			return err
		}
	}
	err := n.reportCommitment(ctx, p)
	if err == nil || ctx.Err() != nil {
		return err
	}
	log := n.log.With("peer", p.Peer, "error", err)
	if time.Since(p.DecidedAt) < n.config.Load().Network.CommitmentWait {
		log.Warn("storage commitment report not delivered, it is retried")
		return err
	}
	log.Error("storage commitment report abandoned", "hint", "does the peer accept associations from this node?")
	return n.archive.DeleteCommitmentRequest(ctx, p)
}

// decide determines the answer and stores it; false while another archive has to answer.
func (n *Node) decide(ctx context.Context, p *archive.CommitmentRequest) (bool, error) {
	peer, _ := n.config.Load().Peer(p.Peer)
	switch {
	case peer.CommitmentBy == "":
		return true, n.settle(ctx, p, refuseAll(p.Request, commitment.ProcessingFailure))
	case peer.CommitmentBy != configs.CommitmentByNode && p.Asked != "" && time.Since(p.AskedAt) >= n.config.Load().Network.CommitmentWait:
		n.log.Warn("storage commitment refused: the archive of commitment_by has not answered", "peer", p.Peer, "archive", peer.CommitmentBy)
		return true, n.settle(ctx, p, refuseAll(p.Request, commitment.ProcessingFailure))
	case peer.CommitmentBy != configs.CommitmentByNode && p.Asked != "":
		return false, nil // the archive will answer
	}
	result, err := n.kept(ctx, p.Request)
	if err != nil {
		return false, err
	}
	if peer.CommitmentBy == configs.CommitmentByNode || len(result.Committed) == 0 {
		if len(result.Committed) > 0 { // before anything is committed
			if err := n.archive.Remember(ctx, committedKey, p.Peer); err != nil {
				return false, err
			}
		}
		return true, n.settle(ctx, p, result)
	}
	return false, n.askArchive(ctx, p, peer.CommitmentBy, result.Committed)
}

// kept decides each instance by the objects stored here.
func (n *Node) kept(ctx context.Context, rq commitment.Request) (commitment.Result, error) {
	result := commitment.Result{TransactionUID: rq.TransactionUID}
	for _, ref := range rq.References {
		reason, err := n.archive.Keeps(ctx, ref)
		switch {
		case err != nil:
			return result, err
		case reason == 0:
			result.Committed = append(result.Committed, ref)
		default:
			result.Failed = append(result.Failed, commitment.Failure{Reference: ref, Reason: reason})
		}
	}
	return result, nil
}

// refuseAll is the answer that nothing is committed.
func refuseAll(rq commitment.Request, reason uint16) commitment.Result {
	result := commitment.Result{TransactionUID: rq.TransactionUID}
	for _, ref := range rq.References {
		result.Failed = append(result.Failed, commitment.Failure{Reference: ref, Reason: reason})
	}
	return result
}

// settle stores the answer.
func (n *Node) settle(ctx context.Context, p *archive.CommitmentRequest, result commitment.Result) error {
	p.Result, p.DecidedAt = &result, time.Now()
	n.log.Info("request for storage commitment decided", "peer", p.Peer, "committed", len(result.Committed), "failed", len(result.Failed))
	return n.archive.SetCommitmentRequest(ctx, *p)
}

// askArchive asks the archive of commitment_by to commit those instances of the request that
// the node has. The node's Transaction UID is on disk before.
func (n *Node) askArchive(ctx context.Context, p *archive.CommitmentRequest, name string, refs []commitment.Reference) error {
	to, ok := n.config.Load().Peer(name)
	if !ok {
		return fmt.Errorf("no peer is named %q in the configuration", name)
	}
	client, syntax, err := n.dialCommitment(ctx, to, commitmentProposal)
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	transaction := commitment.NewTransactionUID()
	defer n.commitments.markOpen(transaction)()
	p.Asked, p.AskedAt = transaction, time.Now()
	if err := n.archive.SetCommitmentRequest(ctx, *p); err != nil {
		return err
	}
	data, err := commitment.Request{TransactionUID: transaction, References: refs}.Encode(syntax)
	if err == nil {
		err = client.RequestCommitment(ctx, syntax, bytes.NewReader(data))
	}
	if err != nil {
		p.Asked = "" // requested again, under another Transaction UID
		return errors.Join(err, n.archive.SetCommitmentRequest(context.WithoutCancel(ctx), *p))
	}
	n.listen(ctx, client, transaction)
	return nil
}

// relay records an archive's report about a request made for a peer; false if there is none
// with that Transaction UID. Only instances that the archive has committed, and that the node
// has, are committed.
func (n *Node) relay(ctx context.Context, from string, said commitment.Result) (bool, error) {
	all, err := n.archive.CommitmentRequests(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range all {
		peer, _ := n.config.Load().Peer(p.Peer)
		if p.Asked != said.TransactionUID || p.Asked == "" || peer.CommitmentBy != from {
			continue
		}
		if p.Result != nil {
			return true, nil // a repeat
		}
		result, err := n.kept(ctx, p.Request)
		if err != nil {
			return true, err
		}
		err = n.settle(ctx, &p, restricted(result, said))
		n.commitmentRequests.notify()
		return true, err
	}
	return false, nil
}

// restricted keeps only those committed instances of result that are committed in said too.
func restricted(result, said commitment.Result) commitment.Result {
	there, failed := map[commitment.Reference]bool{}, map[string]uint16{}
	for _, ref := range said.Committed {
		there[ref] = true
	}
	for _, f := range said.Failed {
		failed[f.SOPInstanceUID] = f.Reason
	}
	out := commitment.Result{TransactionUID: result.TransactionUID, Failed: result.Failed}
	for _, ref := range result.Committed {
		reason, refused := failed[ref.SOPInstanceUID]
		switch {
		case refused:
			out.Failed = append(out.Failed, commitment.Failure{Reference: ref, Reason: reason})
		case there[ref]:
			out.Committed = append(out.Committed, ref)
		default:
			out.Failed = append(out.Failed, commitment.Failure{Reference: ref, Reason: commitment.ProcessingFailure})
		}
	}
	return out
}

// reportCommitment sends the report to the peer, as SCP on an association that the node opens
// (PS3.7 D.3.3.4), and removes the request when the peer has it.
func (n *Node) reportCommitment(ctx context.Context, p archive.CommitmentRequest) error {
	peer, ok := n.config.Load().Peer(p.Peer)
	if !ok || !peer.Callable() {
		return fmt.Errorf("no peer with an address is named %q in the configuration", p.Peer)
	}
	proposal := commitmentProposal
	proposal.Roles = scp.SCPRole
	client, syntax, err := n.dialCommitment(ctx, peer, proposal)
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	data, err := p.Result.Encode(syntax)
	if err != nil {
		return err
	}
	err = client.ReportCommitment(ctx, len(p.Result.Failed) > 0, syntax, bytes.NewReader(data))
	if err != nil {
		return err
	}
	n.log.Info("storage commitment reported", "peer", p.Peer, "committed", len(p.Result.Committed), "failed", len(p.Result.Failed))
	_ = client.Release(ctx) // the peer has the report
	return n.archive.DeleteCommitmentRequest(ctx, p)
}

// dialCommitment associates for storage commitment, and returns the accepted transfer syntax.
func (n *Node) dialCommitment(ctx context.Context, peer configs.Peer, proposal scp.Proposal) (*scp.Client, string, error) {
	client, err := n.dialWith(ctx, peer, answers{n, peer}, proposal)
	if err != nil {
		return nil, "", err
	}
	syntax := uid.ExplicitVRLittleEndian
	if !client.Accepted(uid.StorageCommitmentPushModel, syntax) {
		syntax = uid.ImplicitVRLittleEndian
	}
	if refused := client.Refused(uid.StorageCommitmentPushModel, syntax); refused != nil {
		return nil, "", errors.Join(refused, client.Release(ctx))
	}
	return client, syntax, nil
}

// committedKey is where the archive records that the node has committed an instance.
const committedKey = "promised"

// hasCommitted reports whether the node has ever committed an instance: then it removes nothing,
// even if its configuration changes.
func (n *Node) hasCommitted(ctx context.Context) bool {
	to, err := n.archive.Recall(ctx, committedKey)
	if to != "" {
		n.log.Error("nothing is removed: the node has committed stored objects", "peer", to,
			"hint", "set retention: {keep: 0, min_free_mib: 0}, and make room with a larger disk")
	}
	return to != "" || err != nil
}

// commitRequest stores a peer's request for storage commitment; it is answered later.
func (n *Node) commitRequest(ctx context.Context, peer, transferSyntaxUID string, r io.Reader) error {
	rq, err := commitment.ReadRequest(r, transferSyntaxUID)
	if err != nil {
		return &scp.StatusError{Status: scp.InvalidArgumentValue, Comment: "action information cannot be read", Err: err}
	}
	err = n.archive.Requested(ctx, peer, rq)
	if errors.Is(err, archive.ErrOtherRequest) {
		return &scp.StatusError{Status: scp.InvalidArgumentValue, Comment: "Transaction UID used before", Err: err}
	}
	if err != nil {
		return err
	}
	n.log.Info("request for storage commitment received", "peer", peer, "objects", len(rq.References))
	n.commitmentRequests.notify()
	return nil
}
