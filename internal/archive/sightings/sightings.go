// Package sightings collects records of peers and refusals, so that many of them are written in
// one transaction of the index.
package sightings

import (
	"context"
	"errors"
	"sync"
	"time"

	"dicomnode/internal/archive/index"
)

// Sightings are the records since the last Flush. The zero value is empty.
type Sightings struct {
	mu       sync.Mutex
	peers    map[index.Peer]index.Peer // by calling and called AE title and address
	refusals map[index.Refusal]index.Refusal
}

// maxNotes is how many different records are collected for one transaction. Further ones are
// discarded, because a peer can make up any number of them.
const maxNotes = 1000

// Peer records an association of a peer and its number of objects. It is written to disk within
// seconds.
func (j *Sightings) Peer(p index.Peer, objects int64) {
	key := index.Peer{CallingAE: p.CallingAE, CalledAE: p.CalledAE, Address: p.Address}
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

// Refusal records a rejected association or refused object. It is written to disk within
// seconds. Its text must not contain patient data.
func (j *Sightings) Refusal(r index.Refusal) {
	key := r
	key.First, key.Last, key.Count, key.Peer = time.Time{}, time.Time{}, 0, ""
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

// Flush writes the collected records.
func (j *Sightings) Flush(ctx context.Context, x index.Index) error {
	j.mu.Lock()
	peers, refusals := j.peers, j.refusals
	j.peers, j.refusals = nil, nil
	j.mu.Unlock()
	if len(peers)+len(refusals) == 0 {
		return nil
	}
	return x.Update(ctx, func(tx index.Tx) (err error) {
		for _, p := range peers {
			err = errors.Join(err, tx.Saw(p))
		}
		for _, r := range refusals {
			err = errors.Join(err, tx.Refuse(r))
		}
		return err
	})
}
