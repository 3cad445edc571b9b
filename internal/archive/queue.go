package archive

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
)

// Entry is one job that is not done. It holds no patient data.
type Entry struct {
	jobs.Entry
	Received time.Time // of the object; zero when it is gone
}

// AwaitsCommitment reports whether the job only waits for a destination to commit what it
// has stored: nothing has failed.
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

// Retry makes jobs due now and forgets how often they have failed: those with
// the ids, or all quarantined ones when there are none. Running jobs are left
// alone. It returns how many jobs it changed; ids that name none are no error.
// Another process may call it on a shared archive. It is noted as a manual act.
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

// Drop removes jobs that are not running: those with the ids, or all
// quarantined ones when there are none. Their objects stay. It returns how many
// it removed. It is noted as a manual act.
func (a *Archive) Drop(ctx context.Context, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		if err := a.rescue(ctx, tx, ids...); err != nil {
			return err
		}
		dropped, err := a.jobs.Drop(ctx, tx, ids...)
		if n = len(dropped); err != nil || n == 0 {
			return err
		}
		if err := markDeliveries(tx, dropped, index.Refused); err != nil {
			return err
		}
		about := make([]int64, len(dropped))
		for i, e := range dropped {
			about[i] = e.ObjectID
			if e.Kind == jobs.Deliver {
				continue
			}
			if err := settleOutcome(tx, e.ObjectID, Dropped, nil); err != nil {
				return err
			}
		}
		return act(ctx, tx, "drop", jobList(ids)+", "+objectList(about))
	})
	return n, err
}

// rescue has jobs wait again that ran when the node ended, or when it was backed up, if
// no node works now: to the index they run until one starts. Whoever holds tx keeps a
// node that starts meanwhile from beginning any.
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

// works reports whether a process does jobs of the archive.
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

// Resend makes the deliveries of results again, to the destinations, or to all
// they ever went to when there are none. It returns how many it made; what waits
// already is not made twice, and what is held is for Release. It is noted as a manual act.
func (a *Archive) Resend(ctx context.Context, destinations []string, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		n = 0
		for _, id := range ids {
			made, err := a.resend(ctx, tx, id, destinations)
			if err != nil {
				return fmt.Errorf("object %d: %w", id, err)
			}
			n += made
		}
		return act(ctx, tx, "resend", objectList(ids))
	})
	return n, err
}

func (a *Archive) resend(ctx context.Context, tx index.Tx, id int64, destinations []string) (n int, err error) {
	if _, err := tx.Object(id); err != nil {
		return 0, err
	}
	all, err := tx.DeliveriesOf(id)
	if err != nil {
		return 0, err
	}
	if len(destinations) == 0 {
		for _, d := range all {
			destinations = append(destinations, d.Destination)
		}
	}
	entries, err := a.jobs.Of(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	waits := map[string]bool{}
	for _, e := range entries {
		waits[e.Destination] = e.State != Quarantined
	}
	for _, d := range all {
		waits[d.Destination] = waits[d.Destination] || d.State == index.Held
	}
	for _, destination := range destinations {
		if waits[destination] {
			continue
		}
		if _, err := tx.AddDelivery(id, destination); err != nil {
			return 0, err
		}
		err := setDelivery(tx, id, destination, func(d *index.Delivery) { d.State, d.TransactionUID = index.Pending, "" })
		if err == nil {
			err = a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: id, Destination: destination, Priority: jobs.Again})
		}
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Reprocess makes the jobs of received objects again, by our object ids: for a
// new model or a new destination. Results and deliveries that exist already are
// not made again; those of another model or program are further results. It is
// noted as a manual act. ErrNotFound names an unknown id, and then no job is made.
// Segment handlers are told the model of [WithModel].
func (a *Archive) Reprocess(ctx context.Context, ids ...int64) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		var all []jobs.Job
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
					all = append(all, j)
				}
			}
		}
		n = len(all)
		return errors.Join(a.jobs.Insert(ctx, tx, all...), act(ctx, tx, "reprocess", objectList(ids)))
	})
	return n, err
}

// Dropped is the outcome of an object whose job a person gave up.
const Dropped = "dropped"

func jobList(ids []int64) string {
	if len(ids) == 0 {
		return "all quarantined jobs"
	}
	return "jobs " + list(ids)
}

func objectList(ids []int64) string { return "objects " + list(ids) }

// ActObjects are the objects that an act was about, as far as its subject lists them.
func ActObjects(act index.Act) (ids []int64) {
	_, numbers, _ := strings.Cut(act.Subject, "objects ")
	for _, word := range strings.Fields(numbers) {
		if id, err := strconv.ParseInt(word, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// list is a bounded list of numbers.
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

// WithReason is a context in which manual acts are noted with a reason.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

type modelKey struct{}

// WithModel is a context in which Reprocess makes jobs for a model, by a name that is the
// caller's, and in which a Segment handler is called for such a job.
func WithModel(ctx context.Context, model string) context.Context {
	return context.WithValue(ctx, modelKey{}, model)
}

// ModelOf is the model of a context made by WithModel, "" for the one in use.
func ModelOf(ctx context.Context) string {
	model, _ := ctx.Value(modelKey{}).(string)
	return model
}

// Note notes, among the manual acts, what else was done with what the node keeps, with the
// reason of [WithReason].
func (a *Archive) Note(ctx context.Context, what, subject string) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return act(ctx, tx, what, subject) })
}

// act notes what a person did.
func act(ctx context.Context, tx index.Tx, what, subject string) error {
	return tx.Note(index.Act{At: time.Now(), Who: User(), What: what, Subject: subject, Reason: reasonOf(ctx)})
}

// User is the user of the operating system who runs this process.
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
