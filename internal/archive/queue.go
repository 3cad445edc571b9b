package archive

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
)

// Entry is a job that is not done. It contains no patient data.
type Entry struct {
	jobs.Entry
	Received time.Time // of the object; zero if the object is gone
}

// AwaitsCommitment reports whether the job only waits for the commitment of a stored object;
// nothing has failed.
func (e Entry) AwaitsCommitment() bool {
	return e.State == Waiting && strings.HasPrefix(e.Reason, ErrNotCommitted.Error())
}

// State of a job, as Queue shows it.
type State = jobs.State

// The states. A quarantined job waits for Retry or Drop.
const (
	Waiting     = jobs.Waiting
	Running     = jobs.Running
	Retrying    = jobs.Retrying
	Quarantined = jobs.Quarantined
)

// Stats counts jobs and objects.
type Stats struct {
	jobs.Stats
	Objects int64 // stored
}

// Queue lists the jobs that are not done, oldest first.
func (a *Archive) Queue(ctx context.Context) ([]Entry, error) {
	list, err := a.jobs.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Entry, len(list))
	ids := make([]int64, len(list))
	for i, e := range list {
		all[i].Entry, ids[i] = e, e.ObjectID
	}
	received, err := view(ctx, a, func(tx index.Tx) (map[int64]time.Time, error) { return tx.Received(ids) })
	for i, e := range list {
		all[i].Received = received[e.ObjectID]
	}
	return all, err
}

// Stats counts the jobs that are not done, and the objects.
func (a *Archive) Stats(ctx context.Context) (s Stats, err error) {
	if s.Stats, err = a.jobs.Stats(ctx); err != nil {
		return s, err
	}
	s.Objects, err = view(ctx, a, func(tx index.Tx) (int64, error) { return tx.Count() })
	return s, err
}

// Retry makes jobs due now and resets their failure count: those with the ids, or all
// quarantined jobs if no ids are given. Running jobs are not changed. It returns the number of
// changed jobs; unknown ids are ignored. It may be called on a shared archive. It is recorded
// as a manual action.
func (a *Archive) Retry(ctx context.Context, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		if err := a.rescue(ctx, tx, ids...); err != nil {
			return err
		}
		if n, err = a.jobs.Retry(ctx, tx, ids...); err != nil || n == 0 {
			return err
		}
		return act(ctx, tx, "retry", jobList(ids))
	})
	return n, err
}

// Drop removes jobs that are not running: those with the ids, or all quarantined jobs if no ids
// are given. Their objects stay. It returns the ids of the removed jobs. It is recorded as a
// manual action.
func (a *Archive) Drop(ctx context.Context, ids ...int64) (removed []int64, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		removed = nil
		if err := a.rescue(ctx, tx, ids...); err != nil {
			return err
		}
		dropped, err := a.jobs.Drop(ctx, tx, ids...)
		if err != nil || len(dropped) == 0 {
			return err
		}
		if err := markDeliveries(tx, dropped, index.Refused); err != nil {
			return err
		}
		about := make([]int64, len(dropped))
		for i, e := range dropped {
			about[i], removed = e.ObjectID, append(removed, e.ID)
			if e.Kind == jobs.Deliver {
				continue
			}
			if err := settleOutcome(tx, e.ObjectID, Dropped, nil); err != nil {
				return err
			}
		}
		return act(ctx, tx, "drop", jobList(ids)+", "+objectList(about))
	})
	return removed, err
}

// rescue sets jobs from running to waiting if no node works now. They ran when the last node
// ended or the backup was made. The caller's transaction prevents a node that starts in the
// meantime from starting jobs.
func (a *Archive) rescue(ctx context.Context, tx index.Tx, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	works, err := a.works()
	if err != nil || works {
		return err
	}
	return a.jobs.Rescue(ctx, tx, ids...)
}

// works reports whether a process runs jobs of the archive.
func (a *Archive) works() (bool, error) {
	if a.lock == nil {
		return lock.Held(a.opt.Dir)
	}
	if !a.working.TryLock() {
		return true, nil
	}
	a.working.Unlock()
	return false, nil
}

// Resending selects the deliveries that Resend starts.
type Resending struct {
	To      []string // destinations; none means all that a result ever had
	Dropped bool     // without To: also the deliveries that a person has dropped
}

// Resend starts the deliveries of results again. Deliveries that are pending or held are left
// alone, and results that are superseded. A quarantined job is retried. It returns the number of
// started deliveries. They are recorded as a manual action.
func (a *Archive) Resend(ctx context.Context, r Resending, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		n = 0
		var sent []int64
		for _, id := range ids {
			made, err := a.resend(ctx, tx, id, r)
			if err != nil {
				return fmt.Errorf("object %d: %w", id, err)
			}
			if made > 0 {
				sent = append(sent, id)
			}
			n += made
		}
		return actOn(ctx, tx, "resend", sent)
	})
	return n, err
}

func (a *Archive) resend(ctx context.Context, tx index.Tx, id int64, r Resending) (n int, err error) {
	o, err := tx.Object(id)
	if err != nil || !o.SupersededAt.IsZero() {
		return 0, err
	}
	all, err := tx.DeliveriesOf(id)
	if err != nil {
		return 0, err
	}
	entries, err := a.jobs.Of(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	for _, destination := range r.destinations(all, entries) {
		if err := a.deliverAgain(ctx, tx, id, destination, entries); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// destinations lists the destinations to which a result with these deliveries and jobs is sent
// again.
func (r Resending) destinations(all []index.Delivery, entries []jobs.Entry) (to []string) {
	to = slices.Compact(slices.Sorted(slices.Values(r.To)))
	for _, d := range all {
		dropped := d.State == index.Refused && !slices.ContainsFunc(entries, isTo(d.Destination))
		if len(r.To) == 0 && (r.Dropped || !dropped) {
			to = append(to, d.Destination)
		}
	}
	held := func(destination string) bool {
		return slices.ContainsFunc(all, func(d index.Delivery) bool { return d.Destination == destination && d.State == index.Held })
	}
	waits := func(destination string) bool {
		return slices.ContainsFunc(entries, func(e jobs.Entry) bool { return e.Destination == destination && e.State != Quarantined })
	}
	return slices.DeleteFunc(to, func(destination string) bool { return held(destination) || waits(destination) })
}

func isTo(destination string) func(jobs.Entry) bool {
	return func(e jobs.Entry) bool { return e.Destination == destination }
}

// deliverAgain makes a delivery pending, with the job that failed or a new one.
func (a *Archive) deliverAgain(ctx context.Context, tx index.Tx, id int64, destination string, entries []jobs.Entry) error {
	if _, err := tx.AddDelivery(id, destination); err != nil {
		return err
	}
	err := setDelivery(tx, id, destination, func(d *index.Delivery) { d.State, d.TransactionUID = index.Pending, "" })
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(entries, isTo(destination)); i >= 0 {
		_, err := a.jobs.Retry(ctx, tx, entries[i].ID)
		return err
	}
	return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: id, Destination: destination, Priority: jobs.Again})
}

// Reprocess adds the jobs of received objects again, for example for a new model or
// destination. The objects are given by their ids. Existing results and deliveries are not made
// again; another model or program makes additional results. Segment handlers get the model of
// [WithModel]. If an id is unknown, Reprocess returns ErrNotFound and adds no job. The objects
// that got a job are recorded as a manual action.
func (a *Archive) Reprocess(ctx context.Context, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		var all []jobs.Job
		var done []int64
		for _, id := range ids {
			o, err := tx.Object(id)
			if err != nil {
				return fmt.Errorf("object %d: %w", id, err)
			}
			entries, err := a.jobs.Of(ctx, tx, id)
			if err != nil {
				return err
			}
			if len(entries) == 0 && o.SupersededAt.IsZero() {
				for _, j := range jobsFor(o, jobs.Again) {
					if j.Kind == jobs.Segment {
						j.Model = ModelOf(ctx)
					}
					all, done = append(all, j), append(done, id)
				}
			}
		}
		n = len(all)
		return errors.Join(a.jobs.Insert(ctx, tx, all...), actOn(ctx, tx, "reprocess", done))
	})
	return n, err
}

// Dropped is the outcome of an object whose job a person has dropped.
const Dropped = "dropped"

func jobList(ids []int64) string {
	if len(ids) == 0 {
		return "all quarantined jobs"
	}
	return "jobs " + list(ids)
}

func objectList(ids []int64) string { return "objects " + list(ids) }

// ActObjects returns the ids of the objects that the subject of an action lists.
func ActObjects(act index.Act) (ids []int64) {
	_, numbers, _ := strings.Cut(act.Subject, "objects ")
	for _, word := range strings.Fields(numbers) {
		if id, err := strconv.ParseInt(word, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// list formats at most 500 numbers.
func list(ids []int64) string {
	const most = 500
	more := ""
	if len(ids) > most {
		more = fmt.Sprintf(" and (%d) more", len(ids)-most)
		ids = ids[:most]
	}
	return strings.Trim(fmt.Sprint(ids), "[]") + more
}

type reasonKey struct{}

// WithReason returns a context in which manual actions are recorded with a reason.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

// Note records a manual action on stored data, with the reason of [WithReason].
func (a *Archive) Note(ctx context.Context, what, subject string) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return act(ctx, tx, what, subject) })
}

// act records a manual action.
func act(ctx context.Context, tx index.Tx, what, subject string) error {
	return tx.Note(index.Act{At: time.Now(), Who: User(), What: what, Subject: subject, Reason: reasonOf(ctx)})
}

// actOn records a manual action on objects; one on none is none.
func actOn(ctx context.Context, tx index.Tx, what string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return act(ctx, tx, what, objectList(ids))
}

// User returns the name of the operating system's user who runs this process.
func User() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func reasonOf(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}
