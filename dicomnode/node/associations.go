package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/scp"
)

// idleTime is how long an association to a destination waits for the next object.
const idleTime = 3 * time.Second

// associations keeps those to destinations open for a moment, so that a burst of
// results does not associate for each.
type associations struct {
	dial      func(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error)
	mu        sync.Mutex
	idle      map[associationKey][]*idleAssociation // whoever takes one out of here owns it
	releasing sync.WaitGroup
}

// associationKey is what an association can be used for.
type associationKey struct{ aeTitle, address, sopClass, transferSyntax string }

// idleAssociation waits for the next object.
type idleAssociation struct {
	client *scp.Client
	timer  *time.Timer
}

// answer is what a destination said to a C-STORE.
type answer struct {
	given   bool // false without a response
	status  scp.Status
	comment string // Error Comment (0000,0902)
}

// String is the answer in words.
func (a answer) String() string {
	if a.comment == "" {
		return a.status.String()
	}
	return fmt.Sprintf("%s, its words: %q", a.status, a.comment)
}

// unreachableError is that of a destination that gave no answer.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// store sends o over a waiting association, or over a new one when there is none
// or the waiting one has died meanwhile.
func (a *associations) store(ctx context.Context, p configs.Peer, o archive.Object) (answer, error) {
	key := associationKey{p.AETitle, p.Address, o.SOPClassUID, o.TransferSyntaxUID}
	if client := a.take(key); client != nil {
		if said, err := a.send(ctx, key, client, o); err == nil {
			return said, nil
		}
	}
	client, err := a.dial(ctx, p, scu.Proposal(key.sopClass, key.transferSyntax))
	if err != nil {
		return answer{}, &unreachableError{err}
	}
	if refused := scu.Refusal(client, key.sopClass, key.transferSyntax); refused != nil {
		_ = client.Release(ctx) // the refusal is the news
		if refused.Transient() {
			return answer{}, refused
		}
		return answer{}, archive.Permanent(refused)
	}
	return a.send(ctx, key, client, o)
}

// send performs one C-STORE and keeps the association unless it broke. A status
// that is no success is the caller's to judge.
func (a *associations) send(ctx context.Context, key associationKey, client *scp.Client, o archive.Object) (answer, error) {
	f, err := o.OpenDataset()
	if err != nil {
		a.put(key, client)
		return answer{}, err
	}
	defer f.Close()
	status, err := scu.Store(ctx, client, scp.StoreRequest{
		SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: o.TransferSyntaxUID,
	}, f)
	var refused *scp.StatusError
	if err != nil && !errors.As(err, &refused) {
		client.Abort()
		return answer{}, &unreachableError{err}
	}
	a.put(key, client)
	said := answer{given: true, status: status}
	if refused != nil {
		said.comment = refused.Comment
	}
	return said, nil
}

// take returns a waiting association, nil when there is none.
func (a *associations) take(key associationKey) *scp.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	waiting := a.idle[key]
	if len(waiting) == 0 {
		return nil
	}
	last := waiting[len(waiting)-1]
	a.idle[key] = waiting[:len(waiting)-1]
	last.timer.Stop()
	return last.client
}

// put keeps an association for idleTime.
func (a *associations) put(key associationKey, client *scp.Client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.idle == nil {
		a.idle = map[associationKey][]*idleAssociation{}
	}
	w := &idleAssociation{client: client}
	w.timer = time.AfterFunc(idleTime, func() { a.expire(key, w) })
	a.idle[key] = append(a.idle[key], w)
}

// expire releases w unless somebody took it first.
func (a *associations) expire(key associationKey, w *idleAssociation) {
	a.mu.Lock()
	i := slices.Index(a.idle[key], w)
	if i < 0 {
		a.mu.Unlock()
		return
	}
	a.idle[key] = slices.Delete(a.idle[key], i, i+1)
	a.releasing.Add(1)
	a.mu.Unlock()
	defer a.releasing.Done()
	release(w.client)
}

// close releases every waiting association.
func (a *associations) close() {
	a.mu.Lock()
	idle := a.idle
	a.idle = nil
	a.mu.Unlock()
	for _, waiting := range idle {
		for _, w := range waiting {
			w.timer.Stop()
			release(w.client)
		}
	}
	a.releasing.Wait()
}

// release ends an association politely, within a bounded time.
func release(c *scp.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), idleTime)
	defer cancel()
	if err := c.Release(ctx); err != nil {
		c.Abort()
	}
}

// dial associates with a destination under the configuration of the moment.
func (n *Node) dial(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error) {
	return scu.Secure(scu.NewDialer(*n.config.Load()), n.identity.Load(), p).Dial(ctx, scu.Addr(p), proposals...)
}
