package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/scp"
)

// lineIdle is how long an association to a destination waits for the next object.
const lineIdle = 3 * time.Second

// lines keeps associations to destinations open for a moment, so that a burst of
// results does not associate for each.
type lines struct {
	dial      func(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error)
	mu        sync.Mutex
	idle      map[lineKey][]*line // whoever takes a line out of here owns it
	releasing sync.WaitGroup
}

// lineKey is what an association can be used for.
type lineKey struct{ aeTitle, address, sopClass, transferSyntax string }

type line struct {
	client *scp.Client
	timer  *time.Timer
}

// store sends o over a waiting association, or over a new one when there is none
// or the waiting one has died meanwhile.
func (l *lines) store(ctx context.Context, p configs.Peer, o archive.Object) (scp.Status, error) {
	key := lineKey{p.AETitle, p.Address, o.SOPClassUID, o.TransferSyntaxUID}
	if client := l.take(key); client != nil {
		if status, err := l.send(ctx, key, client, o); err == nil {
			return status, nil
		}
	}
	client, err := l.dial(ctx, p, scp.Proposal{AbstractSyntax: key.sopClass, TransferSyntaxes: []string{key.transferSyntax}})
	if err != nil {
		return 0, err
	}
	if !client.Accepted(key.sopClass, key.transferSyntax) {
		_ = client.Release(ctx) // the refusal is the news
		return 0, archive.Permanent(fmt.Errorf("it does not accept SOP class %s in transfer syntax %s", key.sopClass, key.transferSyntax))
	}
	return l.send(ctx, key, client, o)
}

// send performs one C-STORE and keeps the association unless it broke. A status
// that is no success is the caller's to judge.
func (l *lines) send(ctx context.Context, key lineKey, client *scp.Client, o archive.Object) (scp.Status, error) {
	f, err := o.OpenDataset()
	if err != nil {
		l.put(key, client)
		return 0, err
	}
	defer f.Close()
	status, err := client.Store(ctx, scp.StoreRequest{
		SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: o.TransferSyntaxUID,
	}, f)
	var refused *scp.StatusError
	if err != nil && !errors.As(err, &refused) {
		client.Abort()
		return 0, err
	}
	l.put(key, client)
	return status, nil
}

// take returns a waiting association, nil when there is none.
func (l *lines) take(key lineKey) *scp.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.idle[key]
	if len(waiting) == 0 {
		return nil
	}
	last := waiting[len(waiting)-1]
	l.idle[key] = waiting[:len(waiting)-1]
	last.timer.Stop()
	return last.client
}

// put keeps an association for lineIdle.
func (l *lines) put(key lineKey, client *scp.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle == nil {
		l.idle = map[lineKey][]*line{}
	}
	w := &line{client: client}
	w.timer = time.AfterFunc(lineIdle, func() { l.expire(key, w) })
	l.idle[key] = append(l.idle[key], w)
}

// expire releases w unless somebody took it first.
func (l *lines) expire(key lineKey, w *line) {
	l.mu.Lock()
	i := slices.Index(l.idle[key], w)
	if i < 0 {
		l.mu.Unlock()
		return
	}
	l.idle[key] = slices.Delete(l.idle[key], i, i+1)
	l.releasing.Add(1)
	l.mu.Unlock()
	defer l.releasing.Done()
	release(w.client)
}

// close releases every waiting association.
func (l *lines) close() {
	l.mu.Lock()
	idle := l.idle
	l.idle = nil
	l.mu.Unlock()
	for _, waiting := range idle {
		for _, w := range waiting {
			w.timer.Stop()
			release(w.client)
		}
	}
	l.releasing.Wait()
}

// release ends an association politely, within a bounded time.
func release(c *scp.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), lineIdle)
	defer cancel()
	if err := c.Release(ctx); err != nil {
		c.Abort()
	}
}
