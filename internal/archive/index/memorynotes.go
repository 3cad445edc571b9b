package index

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

func (t *memoryTx) delivery(object int64, destination string) int {
	return slices.IndexFunc(t.deliveries, func(d Delivery) bool { return d.ObjectID == object && d.Destination == destination })
}

func (t *memoryTx) AddDelivery(object int64, destination string) (bool, error) {
	if t.delivery(object, destination) >= 0 {
		return false, nil
	}
	if _, err := t.find(object); err != nil {
		return false, err
	}
	t.changed = true
	t.deliveries = append(t.deliveries, Delivery{ObjectID: object, Destination: destination, State: Pending, Status: -1})
	return true, nil
}

func (t *memoryTx) SetDelivery(d Delivery) error {
	i := t.delivery(d.ObjectID, d.Destination)
	if i < 0 {
		return ErrNotFound
	}
	t.changed = true
	d.At, d.RequestedAt = fromNanos(nanos(d.At)), fromNanos(nanos(d.RequestedAt))
	t.deliveries[i] = d
	return nil
}

func (t *memoryTx) DeliveriesOf(object int64) (all []Delivery, err error) {
	for _, d := range t.deliveries {
		if d.ObjectID == object {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Delivery) int { return strings.Compare(a.Destination, b.Destination) })
	return all, nil
}

func (t *memoryTx) Undelivered() (all []Delivery, err error) {
	for _, d := range t.deliveries {
		if d.open() {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, byObject)
	return all, nil
}

func (t *memoryTx) Held() (all []Delivery, err error) {
	for _, d := range t.deliveries {
		if d.State == Held {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, byObject)
	return all, nil
}

func (t *memoryTx) InTransaction(transactionUID string) (all []Delivery, err error) {
	for _, d := range t.deliveries {
		if d.TransactionUID == transactionUID && transactionUID != "" {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, byObject)
	return all, nil
}

func byObject(a, b Delivery) int {
	return cmp.Or(cmp.Compare(a.ObjectID, b.ObjectID), strings.Compare(a.Destination, b.Destination))
}

func (t *memoryTx) commitmentRequest(peer, transactionUID string) int {
	return slices.IndexFunc(t.commitmentRequests, func(p CommitmentRequest) bool { return p.Peer == peer && p.TransactionUID == transactionUID })
}

func (t *memoryTx) SetCommitmentRequest(p CommitmentRequest) error {
	t.changed = true
	p.At = fromNanos(nanos(p.At))
	if i := t.commitmentRequest(p.Peer, p.TransactionUID); i >= 0 {
		t.commitmentRequests[i] = p
		return nil
	}
	t.commitmentRequests = append(t.commitmentRequests, p)
	return nil
}

func (t *memoryTx) CommitmentRequest(peer, transactionUID string) (CommitmentRequest, error) {
	i := t.commitmentRequest(peer, transactionUID)
	if i < 0 {
		return CommitmentRequest{}, ErrNotFound
	}
	return t.commitmentRequests[i], nil
}

func (t *memoryTx) CommitmentRequests() ([]CommitmentRequest, error) {
	all := slices.Clone(t.commitmentRequests)
	slices.SortFunc(all, func(a, b CommitmentRequest) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Peer, b.Peer), strings.Compare(a.TransactionUID, b.TransactionUID))
	})
	return all, nil
}

func (t *memoryTx) DeleteCommitmentRequest(peer, transactionUID string) error {
	if i := t.commitmentRequest(peer, transactionUID); i >= 0 {
		t.changed = true
		t.commitmentRequests = slices.Delete(t.commitmentRequests, i, i+1)
	}
	return nil
}

func (t *memoryTx) Destinations() (all []string, err error) {
	for _, d := range t.deliveries {
		all = append(all, d.Destination)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (t *memoryTx) AddTombstone(s Tombstone) error {
	t.changed = true
	if slices.ContainsFunc(t.tombstones, func(have Tombstone) bool { return have.Name == s.Name }) {
		return nil
	}
	s.At = fromNanos(nanos(s.At))
	t.tombstones = append(t.tombstones, s)
	return nil
}

func (t *memoryTx) TombstoneFiles(names []string) (map[string]bool, error) {
	m := map[string]bool{}
	for _, s := range t.tombstones {
		if slices.Contains(names, s.Name) {
			m[s.Name] = true
		}
	}
	return m, nil
}

func (t *memoryTx) TombstonesOf(sopInstanceUID string) (all []Tombstone, err error) {
	for _, s := range slices.Backward(t.tombstones) {
		if s.SOPInstanceUID == sopInstanceUID {
			all = append(all, s)
		}
	}
	return all, nil
}

func (t *memoryTx) Forget(sopInstanceUIDs ...string) error {
	t.changed = true
	for i, s := range t.tombstones {
		if slices.Contains(sopInstanceUIDs, s.SOPInstanceUID) {
			t.tombstones[i] = Tombstone{Version: s.Version, Received: s.Received, Name: s.Name, Cause: s.Cause, At: s.At}
		}
	}
	return nil
}

func (t *memoryTx) DeleteTombstones(before time.Time) (int, error) {
	t.changed = true
	have := len(t.tombstones)
	t.tombstones = slices.DeleteFunc(t.tombstones, func(s Tombstone) bool { return s.At.Before(before) })
	return have - len(t.tombstones), nil
}

func (t *memoryTx) Saw(p Peer) error {
	t.changed = true
	for i, have := range t.peers {
		if have.CallingAE == p.CallingAE && have.CalledAE == p.CalledAE && have.Address == p.Address {
			have.Name, have.Last = p.Name, later(have.Last, p.Last)
			have.Associations += p.Associations
			have.Objects += p.Objects
			t.peers[i] = have
			return nil
		}
	}
	p.First, p.Last = fromNanos(nanos(p.First)), fromNanos(nanos(p.Last))
	t.peers = append(t.peers, p)
	return nil
}

func later(a, b time.Time) time.Time {
	return fromNanos(max(nanos(a), nanos(b)))
}

func (t *memoryTx) Peers() ([]Peer, error) {
	return slices.SortedFunc(slices.Values(t.peers), func(a, b Peer) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.CallingAE, b.CallingAE), strings.Compare(a.CalledAE, b.CalledAE), strings.Compare(a.Address, b.Address))
	}), nil
}

func (t *memoryTx) Refuse(r Refusal) error {
	t.changed = true
	same := func(have Refusal) bool {
		return have.Kind == r.Kind && have.CallingAE == r.CallingAE && have.CalledAE == r.CalledAE &&
			have.Address == r.Address && have.Status == r.Status && have.Words == r.Words
	}
	if i := slices.IndexFunc(t.refusals, same); i >= 0 {
		have := &t.refusals[i]
		have.Count, have.Last, have.Peer = have.Count+r.Count, later(have.Last, r.Last), r.Peer
		return nil
	}
	r.First, r.Last = fromNanos(nanos(r.First)), fromNanos(nanos(r.Last))
	t.refusals = append(t.refusals, r)
	if all, _ := t.Refusals(); len(all) > MaxRefusals {
		t.refusals = all[:MaxRefusals]
	}
	return nil
}

func (t *memoryTx) Refusals() ([]Refusal, error) {
	return slices.SortedFunc(slices.Values(t.refusals), func(a, b Refusal) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Kind, b.Kind), strings.Compare(a.CallingAE, b.CallingAE))
	}), nil
}

func (t *memoryTx) Note(a Act) error {
	t.changed = true
	a.At = fromNanos(nanos(a.At))
	t.acts = append(t.acts, a)
	return nil
}

func (t *memoryTx) Acts(limit int) (all []Act, err error) {
	for _, a := range slices.Backward(t.acts) {
		if len(all) == limit {
			break
		}
		all = append(all, a)
	}
	return all, nil
}

func (t *memoryTx) Value(key string) (string, error) { return t.values[key], nil }

func (t *memoryTx) SetValue(key, value string) error {
	t.changed = true
	t.values[key] = value
	return nil
}
