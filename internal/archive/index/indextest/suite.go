// Package indextest is a test suite for implementations of index.Index.
package indextest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/archive/index"
)

// Run runs the suite on empty indexes made by open.
func Run(t *testing.T, open func(t *testing.T) index.Index) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, index.Index)
	}{
		{"objects", objects}, {"versions", versions}, {"search", search}, {"expired", expired},
		{"deliveries", deliveries}, {"open", openDeliveries}, {"promises", commitmentRequests}, {"tombstones", tombstones}, {"journal", journal},
		{"transactions", transactions}, {"unsynced", unsynced}, {"skip", skip}, {"add as", addAs}, {"changes", changes},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := open(t)
			t.Cleanup(func() {
				if err := x.Close(); err != nil {
					t.Error(err)
				}
			})
			c.run(t, x)
		})
	}
}

// Object returns a row with every field set.
func Object(instance string, version int) index.Object {
	quality := 0.5
	return index.Object{
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", SOPInstanceUID: instance, Version: version,
		TransferSyntaxUID: "1.2.840.10008.1.2.1", StudyInstanceUID: "1.2.3.4", SeriesInstanceUID: "1.2.3.5",
		AccessionNumber: "A1", Modality: "DX", BodyPartExamined: "HAND", CallingAE: "DXROOM1", CalledAE: "XNET",
		Source: "dx1", Route: "radiographs", Purpose: "segment", Name: fmt.Sprintf("objects/00/%s-%d.dcm", instance, version),
		Size: 1000, DatasetOffset: 300, Received: time.Unix(1700000000, 123), CRC32C: "0a1b2c3d", SHA256: "aa",
		Digests: index.Digests{Pixels: "p", Meaning: "m", Identity: "i"},
		Outcome: "segmented", OutcomeAt: time.Unix(1700000001, 0), Quality: &quality, SupersededAt: time.Unix(1700000002, 0),
	}
}

// update runs f and checks that it succeeds.
func update(t *testing.T, x index.Index, f func(index.Tx) error) {
	t.Helper()
	if err := x.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// known checks which SOP instances have a version or a tombstone.
func known(t *testing.T, x index.Index, want map[string]bool) {
	t.Helper()
	for instance, w := range want {
		if got, err := x.Known(t.Context(), instance); err != nil || got != w {
			t.Errorf("%q is known: %v, %v; want %v", instance, got, err, w)
		}
	}
}

// add inserts objects and returns their ids.
func add(t *testing.T, x index.Index, objects ...index.Object) (ids []int64) {
	t.Helper()
	update(t, x, func(tx index.Tx) error {
		for _, o := range objects {
			id, err := tx.Add(o)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

// view returns the result of f on a snapshot of the tables.
func view[T any](t *testing.T, x index.Index, f func(index.Tx) (T, error)) (v T) {
	t.Helper()
	if err := x.View(t.Context(), func(tx index.Tx) (err error) { v, err = f(tx); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func objects(t *testing.T, x index.Index) {
	want := Object("1.2.3", 1)
	want.ID = add(t, x, want)[0]
	get := func(tx index.Tx) (index.Object, error) { return tx.Object(want.ID) }
	same(t, "object", want, view(t, x, get))

	want.Outcome, want.Quality, want.SupersededAt, want.Name = "no route", nil, time.Time{}, "objects/01/x.dcm"
	changed := want
	changed.SOPInstanceUID, changed.Version = "9.9", 9 // the key of a row must not change
	update(t, x, func(tx index.Tx) error { return tx.Set(changed) })
	same(t, "changed object", want, view(t, x, get))
	same(t, "names", map[string]bool{"objects/01/x.dcm": true}, view(t, x, func(tx index.Tx) (map[string]bool, error) {
		return tx.Named([]string{"objects/01/x.dcm", "objects/00/1.2.3-1.dcm"})
	}))

	child := Object("1.2.4", 1)
	child.ParentID = want.ID
	child.ID = add(t, x, child)[0]
	same(t, "children", []index.Object{child}, view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Children(want.ID) }))
	same(t, "unsettled", nil, view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Unsettled() }))
	open := Object("1.2.9", 1)
	open.Outcome, open.SupersededAt = "", time.Time{}
	open.ID = add(t, x, open)[0]
	same(t, "unsettled", []index.Object{open}, view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Unsettled() }))
	update(t, x, func(tx index.Tx) error { return tx.Delete(open.ID) })
	same(t, "count", 2, view(t, x, func(tx index.Tx) (int64, error) { return tx.Count() }))

	same(t, "times", map[int64]time.Time{want.ID: want.Received}, view(t, x, func(tx index.Tx) (map[int64]time.Time, error) {
		return tx.Received([]int64{want.ID, 99})
	}))

	update(t, x, func(tx index.Tx) error { return tx.Delete(want.ID, child.ID) })
	for name, err := range map[string]error{
		"object": x.View(t.Context(), func(tx index.Tx) error { _, err := tx.Object(want.ID); return err }),
		"newest": x.View(t.Context(), func(tx index.Tx) error { _, err := tx.Newest("1.2.3"); return err }),
		"set":    x.Update(t.Context(), func(tx index.Tx) error { return tx.Set(want) }),
	} {
		if !errors.Is(err, index.ErrNotFound) {
			t.Errorf("%s that is gone: %v, want ErrNotFound", name, err)
		}
	}
	if id := add(t, x, Object("1.2.5", 1))[0]; id <= child.ID {
		t.Errorf("id %d came back", id)
	}
}

func versions(t *testing.T, x index.Index) {
	first, second := Object("1.2.3", 1), Object("1.2.3", 2)
	ids := add(t, x, second, first)
	second.ID, first.ID = ids[0], ids[1]
	known(t, x, map[string]bool{"1.2.3": true, "1.2.5": false, "": false})
	same(t, "versions", []index.Object{first, second}, view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Versions("1.2.3") }))
	same(t, "newest", second, view(t, x, func(tx index.Tx) (index.Object, error) { return tx.Newest("1.2.3") }))
	again := Object("1.2.3", 2)
	again.Name = "objects/02/again.dcm"
	err := x.Update(t.Context(), func(tx index.Tx) error { _, err := tx.Add(again); return err })
	if !errors.Is(err, index.ErrExists) {
		t.Errorf("the same version again: %v, want ErrExists", err)
	}
}

func search(t *testing.T, x index.Index) {
	a, b, c := Object("1.1", 1), Object("1.1", 2), Object("1.2", 1)
	b.StudyInstanceUID, b.AccessionNumber, b.Received = "9.9", "B2", a.Received.Add(time.Hour)
	c.Modality, c.Source, c.Outcome, c.ParentID = "CR", "cr1", "kept", 1
	add(t, x, a, b, c)
	for _, tt := range []struct {
		q    index.Query
		want []int64
	}{
		{index.Query{}, []int64{3, 2, 1}},
		{index.Query{StudyInstanceUID: "9.9"}, []int64{2}},
		{index.Query{AccessionNumber: "A1"}, []int64{3, 1}},
		{index.Query{SOPInstanceUID: "1.1"}, []int64{2, 1}},
		{index.Query{SOPInstanceUID: "1.1", Newest: true}, []int64{2}},
		{index.Query{Modality: "CR", Source: "cr1", Outcome: "kept"}, []int64{3}},
		{index.Query{ReceivedOnly: true}, []int64{2, 1}},
		{index.Query{ReceivedFrom: b.Received}, []int64{2}},
		{index.Query{ReceivedTo: b.Received}, []int64{3, 1}},
		{index.Query{StudyInstanceUID: "' OR 1=1 --"}, nil},
	} {
		same(t, fmt.Sprintf("%+v", tt.q), tt.want, ids(view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Search(tt.q, 10) })))
	}
	same(t, "limit", []int64{3, 2}, ids(view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Search(index.Query{}, 2) })))
	same(t, "page", []int64{2}, ids(view(t, x, func(tx index.Tx) ([]index.Object, error) { return tx.Page(1, 1) })))
}

func ids(objects []index.Object) (ids []int64) {
	for _, o := range objects {
		ids = append(ids, o.ID)
	}
	return ids
}

func expired(t *testing.T, x index.Index) {
	day := func(n int) time.Time { return time.Now().Add(time.Duration(n) * 24 * time.Hour) }
	var objects []index.Object
	for i, at := range []time.Time{day(-9), day(-8), day(+300), day(-7), day(-1), day(+300)} {
		o := Object(fmt.Sprintf("1.%d", i+1), 1)
		o.Received = at
		objects = append(objects, o)
	}
	add(t, x, objects...)
	child := Object("2.1", 1)
	child.ParentID = 2
	add(t, x, child) // id 7
	for _, tt := range []struct {
		name  string
		busy  []int64
		limit int
		want  []int64
	}{
		{"from a clock that ran ahead, as old as its neighbours", nil, 10, []int64{1, 2, 4, 3}},
		{"few", nil, 2, []int64{1, 2}},
		{"busy", []int64{1, 99}, 10, []int64{2, 4, 3}},
		{"with a busy child", []int64{7}, 10, []int64{1, 4, 3}},
	} {
		same(t, tt.name, tt.want, view(t, x, func(tx index.Tx) ([]int64, error) { return tx.Expired(day(-3), tt.busy, tt.limit) }))
	}
	newer := Object("1.1", 2)
	newer.Received = day(-6)
	add(t, x, newer) // id 8
	expired := func() []int64 {
		return view(t, x, func(tx index.Tx) ([]int64, error) { return tx.Expired(day(-3), []int64{1}, 10) })
	}
	same(t, "a later version of a busy one", []int64{2, 4, 3, 6}, expired())
	update(t, x, func(tx index.Tx) error { return tx.Delete(1) })
	same(t, "a later version without an earlier one", []int64{2, 4, 8, 3, 6}, expired())
}

func deliveries(t *testing.T, x index.Index) {
	id := add(t, x, Object("1.2.3", 1))[0]
	update(t, x, func(tx index.Tx) error {
		for i, want := range []bool{true, true, false} {
			if added, err := tx.AddDelivery(id, []string{"pacs", "archive", "pacs"}[i]); err != nil || added != want {
				t.Errorf("delivery %d: %t, %v; want %t", i, added, err, want)
			}
		}
		return nil
	})
	done := index.Delivery{ObjectID: id, Destination: "pacs", State: index.Delivered, At: time.Unix(1700000000, 5), Status: 0xB000, Words: "coercion", Attempts: 3,
		TransactionUID: "2.25.7", RequestedAt: time.Unix(1700000001, 7)}
	update(t, x, func(tx index.Tx) error { return tx.SetDelivery(done) })
	of := func(tx index.Tx) ([]index.Delivery, error) { return tx.DeliveriesOf(id) }
	same(t, "deliveries", []index.Delivery{{ObjectID: id, Destination: "archive", State: index.Pending, Status: -1}, done}, view(t, x, of))
	same(t, "undelivered", []index.Delivery{{ObjectID: id, Destination: "archive", State: index.Pending, Status: -1}}, view(t, x, func(tx index.Tx) ([]index.Delivery, error) { return tx.Undelivered() }))
	same(t, "destinations", []string{"archive", "pacs"}, view(t, x, func(tx index.Tx) ([]string, error) { return tx.Destinations() }))
	in := func(transaction string) func(index.Tx) ([]index.Delivery, error) {
		return func(tx index.Tx) ([]index.Delivery, error) { return tx.InTransaction(transaction) }
	}
	same(t, "in a transaction", []index.Delivery{done}, view(t, x, in("2.25.7")))
	same(t, "in another", nil, view(t, x, in("2.25.8")))
	same(t, "in none", nil, view(t, x, in("")))
	done.Destination = "nowhere"
	if err := x.Update(t.Context(), func(tx index.Tx) error { return tx.SetDelivery(done) }); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a delivery never noted: %v, want ErrNotFound", err)
	}
	update(t, x, func(tx index.Tx) error { return tx.Delete(id) })
	same(t, "deliveries of what is gone", nil, view(t, x, of))
}

// Open deliveries are those that are neither done nor dropped.
func openDeliveries(t *testing.T, x index.Index) {
	id := add(t, x, Object("1.2.3", 1))[0]
	for state, want := range map[index.DeliveryState]int{index.Pending: 1, index.Failing: 1, index.Sent: 1, index.Requested: 1, index.NotCommitted: 1,
		index.Held: 0, index.Delivered: 0, index.Refused: 0, index.Withdrawn: 0, index.Skipped: 0} {
		update(t, x, func(tx index.Tx) error {
			_, err := tx.AddDelivery(id, "pacs")
			return errors.Join(err, tx.SetDelivery(index.Delivery{ObjectID: id, Destination: "pacs", State: state}))
		})
		all := view(t, x, func(tx index.Tx) ([]index.Delivery, error) { return tx.Undelivered() })
		if len(all) != want {
			t.Errorf("%s: %d are open, want %d", state, len(all), want)
		}
		held := view(t, x, func(tx index.Tx) ([]index.Delivery, error) { return tx.Held() })
		if state == index.Held != (len(held) == 1 && held[0].ObjectID == id) {
			t.Errorf("%s: held are %v", state, held)
		}
	}
}

func commitmentRequests(t *testing.T, x index.Index) {
	first := index.CommitmentRequest{Peer: "dx1", TransactionUID: "1.2.3", At: time.Unix(1700000000, 5), Content: "one"}
	second := index.CommitmentRequest{Peer: "dx2", TransactionUID: "1.2.3", At: time.Unix(1600000000, 0), Content: "two"}
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.SetCommitmentRequest(first), tx.SetCommitmentRequest(second))
	})
	all := func(tx index.Tx) ([]index.CommitmentRequest, error) { return tx.CommitmentRequests() }
	same(t, "promises", []index.CommitmentRequest{second, first}, view(t, x, all))
	first.Content = "answered"
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.SetCommitmentRequest(first), tx.DeleteCommitmentRequest("dx2", "1.2.3"), tx.DeleteCommitmentRequest("dx3", "1.2.3"))
	})
	same(t, "one", first, view(t, x, func(tx index.Tx) (index.CommitmentRequest, error) { return tx.CommitmentRequest("dx1", "1.2.3") }))
	if err := x.View(t.Context(), func(tx index.Tx) error { _, err := tx.CommitmentRequest("dx2", "1.2.3"); return err }); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("a promise that is gone: %v", err)
	}
}

func tombstones(t *testing.T, x index.Index) {
	stone := func(instance, name string, year int) index.Tombstone {
		return index.Tombstone{SOPInstanceUID: instance, Version: 2, Received: true, Name: name, SHA256: "aa",
			Digests: index.Digests{Pixels: "p", Meaning: "m", Identity: "i"}, Cause: "expired",
			At:      time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Local(),
			Results: []index.Result{{SOPInstanceUID: instance + ".9", Destinations: []string{"pacs"}}}}
	}
	old, young := stone("1.2.3", "objects/a", 2020), stone("1.2.3", "objects/b", 2025)
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.AddTombstone(old), tx.AddTombstone(young), tx.AddTombstone(old), tx.AddTombstone(stone("1.2.4", "objects/c", 2025)))
	})
	of := func(tx index.Tx) ([]index.Tombstone, error) { return tx.TombstonesOf("1.2.3") }
	same(t, "tombstones", []index.Tombstone{young, old}, view(t, x, of))
	known(t, x, map[string]bool{"1.2.3": true, "1.2.4": true, "1.2.3.9": false})
	files := func(tx index.Tx) (map[string]bool, error) {
		return tx.TombstoneFiles([]string{"objects/a", "objects/b", "objects/x"})
	}
	same(t, "files", map[string]bool{"objects/a": true, "objects/b": true}, view(t, x, files))
	update(t, x, func(tx index.Tx) error {
		n, err := tx.DeleteTombstones(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
		same(t, "old ones", 1, n)
		return err
	})
	update(t, x, func(tx index.Tx) error { return tx.Forget("1.2.3") })
	same(t, "forgotten", nil, view(t, x, of))
	known(t, x, map[string]bool{"1.2.3": false, "1.2.4": true})
	same(t, "files of the forgotten", map[string]bool{"objects/b": true}, view(t, x, files))
}

func journal(t *testing.T, x index.Index) {
	at := time.Unix(1700000000, 0)
	peer := index.Peer{Name: "dx1", CallingAE: "DXROOM1", CalledAE: "XNET", Address: "10.0.0.5", First: at, Last: at, Associations: 1, Objects: 3}
	later := peer
	later.First, later.Last = at.Add(time.Hour), at.Add(time.Hour)
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.Saw(peer), tx.Saw(later)) })
	peer.Last, peer.Associations, peer.Objects = later.Last, 2, 6
	same(t, "peers", []index.Peer{peer}, view(t, x, func(tx index.Tx) ([]index.Peer, error) { return tx.Peers() }))

	refusal := index.Refusal{Kind: "association", CallingAE: "X", CalledAE: "XNET", Address: "10.0.0.6", Status: 3, Words: "no peer", First: at, Last: at, Count: 1}
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.Refuse(refusal), tx.Refuse(refusal)) })
	refusal.Count = 2
	refusals := func(tx index.Tx) ([]index.Refusal, error) { return tx.Refusals() }
	same(t, "refusals", []index.Refusal{refusal}, view(t, x, refusals))
	update(t, x, func(tx index.Tx) error {
		for i := range index.MaxRefusals + 20 {
			r := refusal
			r.CallingAE, r.Last, r.Count = fmt.Sprint("Y", i), at.Add(time.Duration(i+1)*time.Second), 1
			if err := tx.Refuse(r); err != nil {
				return err
			}
		}
		return nil
	})
	all := view(t, x, refusals)
	if len(all) != index.MaxRefusals || all[0].CallingAE != fmt.Sprint("Y", index.MaxRefusals+19) {
		t.Errorf("%d refusals, the latest by %q", len(all), all[0].CallingAE)
	}

	acts := []index.Act{{At: at, Who: "root", What: "retry", Subject: "job 1", Reason: "PACS is back"}, {At: at, Who: "ward", What: "drop", Subject: "job 2", Reason: "test"}}
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.Note(acts[0]), tx.Note(acts[1])) })
	same(t, "acts", []index.Act{acts[1]}, view(t, x, func(tx index.Tx) ([]index.Act, error) { return tx.Acts(1) }))

	update(t, x, func(tx index.Tx) error { return errors.Join(tx.SetValue("k", "1"), tx.SetValue("k", "2")) })
	for key, want := range map[string]string{"k": "2", "none": ""} {
		same(t, "value", want, view(t, x, func(tx index.Tx) (string, error) { return tx.Value(key) }))
	}
}

func transactions(t *testing.T, x index.Index) {
	broken := errors.New("broken")
	ran := 0
	err := x.Update(t.Context(), func(tx index.Tx) error {
		tx.OnCommit(func() { ran += 100 })
		if _, err := tx.Add(Object("1.2.3", 1)); err != nil {
			return err
		}
		err := x.View(t.Context(), func(tx index.Tx) error { _, err := tx.Newest("1.2.3"); return err })
		if !errors.Is(err, index.ErrNotFound) {
			t.Errorf("the row is seen before the end: %v", err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	same(t, "rows after an error", 0, view(t, x, func(tx index.Tx) (int64, error) { return tx.Count() }))
	update(t, x, func(tx index.Tx) error {
		tx.OnCommit(func() { ran++ })
		_, err := tx.Add(Object("1.2.3", 1))
		return err
	})
	same(t, "functions after the end", 1, ran)
	for _, update := range []func(context.Context, func(index.Tx) error) error{x.Update, x.UpdateUnsynced} {
		err = update(t.Context(), func(tx index.Tx) error {
			tx.OnCommit(func() { ran += 100 })
			tx.BeforeCommit(func() error { return broken })
			return tx.SetValue("k", "v")
		})
		if !errors.Is(err, broken) {
			t.Errorf("error %v before the end, want %v", err, broken)
		}
		same(t, "value after an error before the end", "", view(t, x, func(tx index.Tx) (string, error) { return tx.Value("k") }))
	}
	same(t, "functions after an error before the end", 1, ran)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Update(done, func(tx index.Tx) error { return tx.SetValue("k", "v") }); !errors.Is(err, context.Canceled) {
		t.Errorf("update of a cancelled context: %v", err)
	}
}

// unsynced updates differ from others only after a power failure.
func unsynced(t *testing.T, x index.Index) {
	ran, broken := 0, errors.New("broken")
	fill := func(tx index.Tx) error {
		tx.OnCommit(func() { ran++ })
		_, err := tx.Add(Object("1.2.3", 1))
		return err
	}
	err := x.UpdateUnsynced(t.Context(), func(tx index.Tx) error { return errors.Join(fill(tx), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	same(t, "rows after an error", 0, view(t, x, func(tx index.Tx) (int64, error) { return tx.Count() }))
	if err := x.UpdateUnsynced(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	update(t, x, func(tx index.Tx) error { _, err := tx.Add(Object("1.2.3", 2)); return err })
	same(t, "rows", 2, view(t, x, func(tx index.Tx) (int64, error) { return tx.Count() }))
	same(t, "functions after the end", 1, ran)
}

// skip leaves ids out, also in an empty index.
func skip(t *testing.T, x index.Index) {
	update(t, x, func(tx index.Tx) error { return tx.Skip(100) })
	first := add(t, x, Object("1.2.3", 1))[0]
	update(t, x, func(tx index.Tx) error { return tx.Skip(1000) })
	second := add(t, x, Object("1.2.3", 2))[0]
	if first != 101 || second != first+1001 {
		t.Errorf("ids %d and %d, want 101 and %d", first, second, first+1001)
	}
}

// addAs adds rows with given ids; later ones get higher ids.
func addAs(t *testing.T, x index.Index) {
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.AddAs(7, Object("1.2.3", 1)), tx.AddAs(3, Object("1.2.3", 2)))
	})
	same(t, "the next id", 8, add(t, x, Object("1.2.3", 3))[0])
	same(t, "row 3", 2, view(t, x, func(tx index.Tx) (index.Object, error) { return tx.Object(3) }).Version)
	for id, o := range map[int64]index.Object{9: Object("1.2.3", 1), 7: Object("1.2.4", 1)} {
		if err := x.Update(t.Context(), func(tx index.Tx) error { return tx.AddAs(id, o) }); err == nil || (id == 9) != errors.Is(err, index.ErrExists) {
			t.Errorf("added as %d: %v", id, err)
		}
	}
}

func changes(t *testing.T, x index.Index) {
	count := func() int64 {
		n, err := x.Changes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	update(t, x, func(tx index.Tx) error { _, err := tx.Count(); return err })
	same(t, "changes of a look", before, count())
	update(t, x, func(tx index.Tx) error { return tx.SetValue("k", "v") })
	same(t, "changes of a change", before+1, count())
}
