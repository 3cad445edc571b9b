package index

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is an Index in memory. Each update copies all tables, so it is slow with many rows.
type Memory struct {
	updating sync.Mutex
	mu       sync.Mutex // guards now; the tables it points to never change
	now      *tables
}

var _ Index = (*Memory)(nil)

// NewMemory returns an empty index.
func NewMemory() *Memory {
	return &Memory{now: &tables{values: map[string]string{}}}
}

// tables is one state of the tables.
type tables struct {
	lastID             int64
	changes            int64
	objects            []Object // by id
	deliveries         []Delivery
	tombstones         []Tombstone // oldest first
	peers              []Peer
	refusals           []Refusal
	acts               []Act
	commitmentRequests []CommitmentRequest
	values             map[string]string
}

func (s *tables) clone() *tables {
	c := *s
	c.objects, c.deliveries, c.tombstones = slices.Clone(s.objects), slices.Clone(s.deliveries), slices.Clone(s.tombstones)
	c.peers, c.refusals, c.acts = slices.Clone(s.peers), slices.Clone(s.refusals), slices.Clone(s.acts)
	c.commitmentRequests = slices.Clone(s.commitmentRequests)
	c.values = maps.Clone(s.values)
	return &c
}

func (m *Memory) state() *tables {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// View implements Index.
func (m *Memory) View(ctx context.Context, f func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(&memoryTx{tables: m.state().clone()})
}

// Update runs f on a copy of the tables, which replaces them if f returns nil.
func (m *Memory) Update(ctx context.Context, f func(Tx) error) error {
	m.updating.Lock()
	defer m.updating.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &memoryTx{tables: m.state().clone()}
	if err := f(t); err != nil {
		return err
	}
	for _, f := range t.before {
		if err := f(); err != nil {
			return err
		}
	}
	if t.changed {
		t.tables.changes++
	}
	m.mu.Lock()
	m.now = t.tables
	m.mu.Unlock()
	for _, f := range t.after {
		f()
	}
	return nil
}

// UpdateUnsynced is the same as Update.
func (m *Memory) UpdateUnsynced(ctx context.Context, f func(Tx) error) error { return m.Update(ctx, f) }

// Known implements Index.
func (m *Memory) Known(ctx context.Context, sopInstanceUID string) (known bool, err error) {
	err = m.View(ctx, func(tx Tx) error {
		v, err := tx.Versions(sopInstanceUID)
		t, errT := tx.TombstonesOf(sopInstanceUID)
		known = len(v)+len(t) > 0
		return errors.Join(err, errT)
	})
	return known, err
}

// Changes implements Index.
func (m *Memory) Changes(context.Context) (int64, error) { return m.state().changes, nil }

// Snapshot returns errors.ErrUnsupported.
func (m *Memory) Snapshot(context.Context, string) error { return errors.ErrUnsupported }

// Close does nothing.
func (m *Memory) Close() error { return nil }

type memoryTx struct {
	*tables
	changed bool
	before  []func() error
	after   []func()
}

var _ Tx = (*memoryTx)(nil)

func (t *memoryTx) SQL() *sql.Tx                { return nil }
func (t *memoryTx) BeforeCommit(f func() error) { t.before = append(t.before, f) }
func (t *memoryTx) OnCommit(f func())           { t.after = append(t.after, f) }

// find returns the position of an object, or ErrNotFound.
func (t *memoryTx) find(id int64) (int, error) {
	i, ok := slices.BinarySearchFunc(t.objects, id, byID)
	if !ok {
		return 0, ErrNotFound
	}
	return i, nil
}

func byID(o Object, id int64) int { return cmp.Compare(o.ID, id) }

func (t *memoryTx) Skip(n int64) error {
	t.lastID += n
	return nil
}

// pick lists the objects that match.
func (t *memoryTx) pick(match func(Object) bool) (all []Object) {
	for _, o := range t.objects {
		if match(o) {
			all = append(all, o)
		}
	}
	return all
}

func (t *memoryTx) Add(o Object) (int64, error) {
	id := t.lastID + 1
	return id, t.AddAs(id, o)
}

func (t *memoryTx) AddAs(id int64, o Object) error {
	for _, have := range t.objects {
		if have.SOPInstanceUID == o.SOPInstanceUID && have.Version == o.Version {
			return ErrExists
		}
		if have.Name == o.Name || have.ID == id {
			return errors.New("two objects with one file or id")
		}
	}
	t.changed = true
	t.lastID = max(t.lastID, id)
	o.ID = id
	at, _ := slices.BinarySearchFunc(t.objects, id, byID)
	t.objects = slices.Insert(t.objects, at, stored(o))
	return nil
}

// stored returns o as a database would return it, with times in nanoseconds.
func stored(o Object) Object {
	o.Received, o.OutcomeAt, o.SupersededAt = fromNanos(nanos(o.Received)), fromNanos(nanos(o.OutcomeAt)), fromNanos(nanos(o.SupersededAt))
	return o
}

func (t *memoryTx) Set(o Object) error {
	i, err := t.find(o.ID)
	if err != nil {
		return err
	}
	t.changed = true
	o.SOPInstanceUID, o.Version = t.objects[i].SOPInstanceUID, t.objects[i].Version
	t.objects[i] = stored(o)
	return nil
}

func (t *memoryTx) Object(id int64) (Object, error) {
	i, err := t.find(id)
	if err != nil {
		return Object{}, err
	}
	return t.objects[i], nil
}

func (t *memoryTx) Versions(sopInstanceUID string) ([]Object, error) {
	all := t.pick(func(o Object) bool { return o.SOPInstanceUID == sopInstanceUID })
	slices.SortFunc(all, func(a, b Object) int { return a.Version - b.Version })
	return all, nil
}

func (t *memoryTx) Newest(sopInstanceUID string) (Object, error) {
	all, _ := t.Versions(sopInstanceUID)
	if len(all) == 0 {
		return Object{}, ErrNotFound
	}
	return all[len(all)-1], nil
}

func (t *memoryTx) Children(id int64) ([]Object, error) {
	return t.pick(func(o Object) bool { return id != 0 && o.ParentID == id }), nil
}

func (t *memoryTx) Search(q Query, limit int) ([]Object, error) {
	is := func(want, have string) bool { return want == "" || want == have }
	all := t.pick(func(o Object) bool {
		newest, _ := t.Newest(o.SOPInstanceUID)
		return is(q.StudyInstanceUID, o.StudyInstanceUID) && is(q.SeriesInstanceUID, o.SeriesInstanceUID) &&
			is(q.SOPInstanceUID, o.SOPInstanceUID) && is(q.AccessionNumber, o.AccessionNumber) &&
			is(q.Source, o.Source) && is(q.Modality, o.Modality) && is(q.Outcome, o.Outcome) &&
			(q.ReceivedFrom.IsZero() || !o.Received.Before(q.ReceivedFrom)) && (q.ReceivedTo.IsZero() || o.Received.Before(q.ReceivedTo)) &&
			(!q.ReceivedOnly || o.ParentID == 0) && (!q.Newest || newest.Version == o.Version)
	})
	slices.Reverse(all)
	return all[:min(limit, len(all))], nil
}

func (t *memoryTx) Page(after int64, limit int) ([]Object, error) {
	all := t.pick(func(o Object) bool { return o.ID > after })
	return all[:min(limit, len(all))], nil
}

func (t *memoryTx) Unsettled() ([]Object, error) {
	return t.pick(func(o Object) bool { return o.ParentID == 0 && o.Outcome == "" && o.SupersededAt.IsZero() }), nil
}

func (t *memoryTx) Named(names []string) (map[string]bool, error) {
	m := map[string]bool{}
	for _, o := range t.pick(func(o Object) bool { return slices.Contains(names, o.Name) }) {
		m[o.Name] = true
	}
	return m, nil
}

func (t *memoryTx) Delete(ids ...int64) error {
	t.changed = true
	t.deliveries = slices.DeleteFunc(t.deliveries, func(d Delivery) bool { return slices.Contains(ids, d.ObjectID) })
	t.objects = slices.DeleteFunc(t.objects, func(o Object) bool { return slices.Contains(ids, o.ID) })
	return nil
}

func (t *memoryTx) Expired(before time.Time, busy []int64, limit int) (ids []int64, err error) {
	held, last, now := map[int64]bool{}, int64(0), time.Now()
	for _, o := range t.objects {
		if slices.Contains(busy, o.ID) {
			held[cmp.Or(o.ParentID, o.ID)] = true
		}
		if o.ParentID == 0 && o.Received.Before(before) {
			last = o.ID
		}
	}
	all := t.pick(func(o Object) bool {
		old := o.Received.Before(before) || o.Received.After(now) && o.ID < last
		return o.ParentID == 0 && old && !held[o.ID] && !slices.ContainsFunc(t.objects, func(v Object) bool {
			return v.SOPInstanceUID == o.SOPInstanceUID && v.Version < o.Version
		})
	})
	slices.SortStableFunc(all, func(a, b Object) int { return a.Received.Compare(b.Received) })
	for _, o := range all[:min(limit, len(all))] {
		ids = append(ids, o.ID)
	}
	return ids, nil
}

func (t *memoryTx) Received(ids []int64) (map[int64]time.Time, error) {
	m := map[int64]time.Time{}
	for _, o := range t.pick(func(o Object) bool { return slices.Contains(ids, o.ID) }) {
		m[o.ID] = o.Received
	}
	return m, nil
}

func (t *memoryTx) Count() (int64, error) { return int64(len(t.objects)), nil }
