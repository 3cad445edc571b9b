package node

import (
	"context"
	"errors"
	"fmt"
	"os"
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

// garbledError is that of a destination whose answer to a C-STORE could not be
// understood: it may have the object or not.
type garbledError struct{ err error }

func (e *garbledError) Error() string { return e.err.Error() }
func (e *garbledError) Unwrap() error { return e.err }

// store sends o over a waiting association, or over a new one when there is none. When
// the waiting one breaks meanwhile, o is sent once more; not when the destination
// stays silent or answers nonsense, for it may have stored o each time.
func (a *associations) store(ctx context.Context, p configs.Peer, o archive.Object) (answer, error) {
	key := associationKey{p.AETitle, p.Address, o.SOPClassUID, o.TransferSyntaxUID}
	if client := a.take(key); client != nil {
		if said, err := a.send(ctx, key, client, o); !broken(err) {
			return said, err
		}
	}
	client, err := a.dial(ctx, p, scu.Proposal(key.sopClass, key.transferSyntax))
	if err != nil {
		return answer{}, &unreachableError{err}
	}
	if refused := scu.Refusal(client, key.sopClass, key.transferSyntax); refused != nil {
		_ = client.Release(ctx) // the refusal is the news
		return answer{}, refused
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
		var protocol *scp.ProtocolError
		if errors.As(err, &protocol) {
			return answer{}, &garbledError{err}
		}
		return answer{}, &unreachableError{err}
	}
	a.put(key, client)
	said := answer{given: true, status: status}
	if refused != nil {
		said.comment = refused.Comment
	}
	return said, nil
}

// broken tells that an association ended before the answer came.
func broken(err error) bool {
	var lost *unreachableError
	return errors.As(err, &lost) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// take returns an association at whose other end somebody waits, nil when there is none.
func (a *associations) take(key associationKey) *scp.Client {
	for client := a.pop(key); client != nil; client = a.pop(key) {
		if client.Waiting() {
			return client
		}
		a.releasing.Go(func() { release(client) })
	}
	return nil
}

// pop takes one association out of the idle ones.
func (a *associations) pop(key associationKey) *scp.Client {
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
	return n.dialWith(ctx, p, nil, proposals...)
}

// dialWith is dial where the peer may ask for something too, which s performs.
func (n *Node) dialWith(ctx context.Context, p configs.Peer, s scp.Session, proposals ...scp.Proposal) (*scp.Client, error) {
	id := n.identity.Load()
	dialer := scu.Secure(scu.NewDialer(*n.config.Load()), id, p)
	if dialer.TLS != nil {
		n.noting(dialer.TLS, id, p.Name)
	}
	dialer.Session, dialer.Log = s, n.log.With("destination", p.Name)
	return dialer.Dial(ctx, scu.Addr(p), proposals...)
}
