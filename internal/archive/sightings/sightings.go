package archive

import (
	"context"
	"errors"
	"sync"
	"time"

	"dicomnode/internal/archive/index"
)

// journal collects what is noted often, so that many notes are one transaction.
type journal struct {
	mu       sync.Mutex
	peers    map[index.Peer]index.Peer // by what identifies them
	refusals map[index.Refusal]index.Refusal
}

// maxNotes is how many different notes wait for a transaction; more are counted
// nowhere, since whoever makes them up has no end.
const maxNotes = 1000

// NotePeer notes an association of a peer with so many objects. It is on disk some
// seconds later.
func (a *Archive) NotePeer(p index.Peer, objects int64) {
	key := index.Peer{CallingAE: p.CallingAE, CalledAE: p.CalledAE, Address: p.Address}
	j := &a.noted
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.peers == nil {
		j.peers = map[index.Peer]index.Peer{}
	}
	have, ok := j.peers[key]
	if !ok && len(j.peers) >= maxNotes {
		return
	}
	if !ok {
		have = key
		have.First = time.Now()
	}
	have.Name, have.Last = p.Name, time.Now()
	have.Associations++
	have.Objects += objects
	j.peers[key] = have
}

// NoteRefusal notes an association or object that was not accepted. It is on disk
// some seconds later. Its words must not quote a patient.
func (a *Archive) NoteRefusal(r index.Refusal) {
	key := r
	key.First, key.Last, key.Count, key.Peer = time.Time{}, time.Time{}, 0, ""
	j := &a.noted
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refusals == nil {
		j.refusals = map[index.Refusal]index.Refusal{}
	}
	have, ok := j.refusals[key]
	if !ok && len(j.refusals) >= maxNotes {
		return
	}
	if !ok {
		have = key
		have.First = time.Now()
	}
	have.Peer, have.Last = r.Peer, time.Now()
	have.Count++
	j.refusals[key] = have
}

// flush writes what was noted.
func (a *Archive) flush(ctx context.Context) error {
	j := &a.noted
	j.mu.Lock()
	peers, refusals := j.peers, j.refusals
	j.peers, j.refusals = nil, nil
	j.mu.Unlock()
	if len(peers)+len(refusals) == 0 {
		return nil
	}
	return a.index.Update(ctx, func(tx index.Tx) (err error) {
		for _, p := range peers {
			err = errors.Join(err, tx.Saw(p))
		}
		for _, r := range refusals {
			err = errors.Join(err, tx.Refuse(r))
		}
		return err
	})
}

// Peers lists the peers that were seen, the latest first.
func (a *Archive) Peers(ctx context.Context) ([]index.Peer, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Peer, error) { return tx.Peers() })
}

// Refusals lists what was not accepted, the latest first.
func (a *Archive) Refusals(ctx context.Context) ([]index.Refusal, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Refusal, error) { return tx.Refusals() })
}

// Acts lists at most limit manual acts, the latest first.
func (a *Archive) Acts(ctx context.Context, limit int) ([]index.Act, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Act, error) { return tx.Acts(limit) })
}
