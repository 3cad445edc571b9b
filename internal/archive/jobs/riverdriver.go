package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// insertTopic is the topic on which River announces new jobs.
const insertTopic = "river_insert"

// driver is River's SQLite driver with notifications inside the process. One process both
// inserts and runs the jobs, so a channel replaces River's table of notifications, which costs
// writes and a query every 50 ms. Jobs that another process changes are found by polling.
type driver struct {
	*riversqlite.Driver
	newJobs  *notifier
	unsynced Unsynced // nil: every transaction is synced to disk
}

func newDriver(db *sql.DB, n *notifier) *driver {
	return &driver{Driver: riversqlite.New(db), newJobs: n}
}

// Unsynced runs f, which must end its transaction, without a sync at the commit.
type Unsynced func(ctx context.Context, f func(*sql.Tx) error) error

func (d *driver) GetExecutor() riverdriver.Executor {
	e := d.Driver.GetExecutor()
	if d.unsynced == nil {
		return e
	}
	return &executor{e, d}
}

// executor fetches jobs without a sync: if a power failure undoes the start of a job, the job
// starts again. See worker.noteLong.
type executor struct {
	riverdriver.Executor
	d *driver
}

func (e *executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (res *riverdriver.JobGetAvailableResult, err error) {
	err = e.d.unsynced(ctx, func(tx *sql.Tx) error {
		if res, err = e.d.UnwrapExecutor(tx).JobGetAvailable(ctx, p); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	})
	return res, err
}

// SupportsListenNotify returns false, so that River writes no notifications to its table.
func (d *driver) SupportsListenNotify() bool { return false }

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{newJobs: d.newJobs}
}

// notifier collects the names of queues with new jobs until they are taken. A queue that is
// announced twice before that is returned once.
type notifier struct {
	mu      sync.Mutex
	queues  map[string]bool
	waiting chan struct{}
}

func newNotifier() *notifier {
	return &notifier{queues: map[string]bool{}, waiting: make(chan struct{}, 1)}
}

// announce adds queues with new jobs. It never blocks.
func (n *notifier) announce(queues ...string) {
	if len(queues) == 0 {
		return
	}
	n.mu.Lock()
	for _, q := range queues {
		n.queues[q] = true
	}
	n.mu.Unlock()
	select {
	case n.waiting <- struct{}{}:
	default:
	}
}

// take removes and returns one announced queue, "" if there is none.
func (n *notifier) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for q := range n.queues {
		delete(n.queues, q)
		return q
	}
	return ""
}

// takeAll removes and returns the announced queues.
func (n *notifier) takeAll() (queues []string) {
	for q := n.take(); q != ""; q = n.take() {
		queues = append(queues, q)
	}
	return queues
}

// listener passes the announcements of a notifier to River.
type listener struct{ newJobs *notifier }

var _ riverdriver.Listener = (*listener)(nil)

func (l *listener) Close(context.Context) error            { return nil }
func (l *listener) Connect(context.Context) error          { return nil }
func (l *listener) Listen(context.Context, string) error   { return nil }
func (l *listener) Ping(context.Context) error             { return nil }
func (l *listener) Schema() string                         { return "" }
func (l *listener) SetAfterConnectExec(string)             {}
func (l *listener) Unlisten(context.Context, string) error { return nil }

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		if q := l.newJobs.take(); q != "" {
			return &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue": %q}`, q)}, nil
		}
		select {
		case <-l.newJobs.waiting:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
