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

// idleTime is how long an association to a destination is kept open for the next object.
const idleTime = 3 * time.Second

// associations keeps associations to destinations open for a moment, so that a batch of results
// needs one only.
type associations struct {
	dial      func(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error)
	mu        sync.Mutex
	idle      map[associationKey][]*idleAssociation // whoever removes one from here owns it
	releasing sync.WaitGroup
}

// associationKey is what an association can be used for.
type associationKey struct{ aeTitle, address, sopClass, transferSyntax string }

// idleAssociation is an open association that waits for the next object.
type idleAssociation struct {
	client *scp.Client
	timer  *time.Timer
}

// answer is the response of a destination to a C-STORE.
type answer struct {
	begun   bool // the object was on its way
	given   bool // false without a response
	status  scp.Status
	comment string // Error Comment (0000,0902)
}

// String is the answer in words.
func (a answer) String() string {
	if a.comment == "" {
		return a.status.String()
	}
	return fmt.Sprintf("%s, Error Comment %q", a.status, a.comment)
}

// unreachableError means that a destination did not answer.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// garbledError means that the response to a C-STORE was not understood: the destination may
// have stored the object or not.
type garbledError struct{ err error }

func (e *garbledError) Error() string { return e.err.Error() }
func (e *garbledError) Unwrap() error { return e.err }

// store sends o over an idle association, or over a new one if there is none. If the idle one
// breaks, o is sent once more, but not if the destination did not answer or answered nonsense,
// because it may have stored o.
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
		_ = client.Release(ctx) // the refusal matters more
		return answer{}, refused
	}
	return a.send(ctx, key, client, o)
}

// send performs one C-STORE and keeps the association unless it broke. The caller judges a
// status other than success.
func (a *associations) send(ctx context.Context, key associationKey, client *scp.Client, o archive.Object) (answer, error) {
	f, err := o.OpenDataset()
	if err != nil {
		a.put(key, client)
		return answer{}, &scp.SourceError{Err: err}
	}
	defer f.Close()
	status, err := scu.Store(ctx, client, scp.StoreRequest{
		SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: o.TransferSyntaxUID,
	}, f)
	var refused *scp.StatusError
	if err != nil && !errors.As(err, &refused) {
		client.Abort()
		var protocol *scp.ProtocolError
		var source *scp.SourceError
		switch {
		case errors.As(err, &source):
			return answer{}, err
		case errors.As(err, &protocol):
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

// broken reports whether an association ended before the response.
func broken(err error) bool {
	var lost *unreachableError
	return errors.As(err, &lost) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// take returns an idle association that still works, nil if there is none.
func (a *associations) take(key associationKey) *scp.Client {
	for client := a.pop(key); client != nil; client = a.pop(key) {
		if client.Waiting() {
			return client
		}
		a.releasing.Go(func() { release(client) })
	}
	return nil
}

// pop removes one of the idle associations.
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

// expire releases w unless it was taken.
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

// close releases all idle associations.
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

// release ends an association by A-RELEASE, within a limited time.
func release(c *scp.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), idleTime)
	defer cancel()
	if err := c.Release(ctx); err != nil {
		c.Abort()
	}
}

// dial associates with a destination under the current configuration.
func (n *Node) dial(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error) {
	return n.dialWith(ctx, p, nil, proposals...)
}

// dialWith is dial with s for the requests of the peer.
func (n *Node) dialWith(ctx context.Context, p configs.Peer, s scp.Session, proposals ...scp.Proposal) (*scp.Client, error) {
	id := n.identity.Load()
	dialer := scu.Secure(scu.NewDialer(*n.config.Load()), id, p)
	if dialer.TLS != nil {
		n.noting(dialer.TLS, id, p.Name)
	}
	dialer.Session, dialer.Log = s, n.log.With("destination", p.Name)
	return dialer.Dial(ctx, scu.Addr(p), proposals...)
}
