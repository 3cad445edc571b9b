package jobs

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// River is a Queue on River (riverqueue.com), with its tables in the database of the index.
type River struct {
	opt         Options
	write, read *sql.DB
	insert      *river.Client[*sql.Tx] // inserts jobs, runs none
	newJobs     *notifier              // queues with new jobs, for River
	unserved    *notifier              // queues that Work may not run yet
}

var _ Queue = (*River)(nil)

// Migrate creates River's tables in a database or brings them up to date.
func Migrate(ctx context.Context, write *sql.DB) error {
	migrator, err := rivermigrate.New(newDriver(write, nil), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("prepare the tables of jobs: %w", err)
	}
	return nil
}

// Open returns the queue in a database that has River's tables. write has one connection; read
// is only read from.
func Open(write, read *sql.DB, opt Options) (*River, error) {
	q := &River{opt: opt.WithDefaults(), write: write, read: read, newJobs: newNotifier(), unserved: newNotifier()}
	var err error
	q.insert, err = river.NewClient(newDriver(write, q.newJobs), &river.Config{Logger: warnings(q.opt.Log)})
	return q, err
}

// args are the arguments of a job as River stores them. The kind is not encoded, because River
// stores it in a column.
type args struct {
	kind        Kind
	ObjectID    int64  `json:"object_id"`
	Destination string `json:"destination,omitempty"`
	Model       string `json:"model,omitempty"`
}

// Kind returns the kind for River.
func (a args) Kind() string { return string(a.kind) }

func jobOf(row *rivertype.JobRow, a args) Job {
	return Job{Kind: Kind(row.Kind), ObjectID: a.ObjectID, Destination: a.Destination, Priority: Priority(row.Priority), Model: a.Model}
}

// Insert implements Queue.
func (q *River) Insert(ctx context.Context, tx Tx, jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	rows, queues := make([]river.InsertManyParams, len(jobs)), make([]string, len(jobs))
	for i, j := range jobs {
		queues[i] = j.queue()
		rows[i] = river.InsertManyParams{Args: args{j.Kind, j.ObjectID, j.Destination, j.Model},
			InsertOpts: &river.InsertOpts{Queue: queues[i], MaxAttempts: q.opt.MaxAttempts, Priority: max(int(j.Priority), int(New))}}
	}
	if _, err := q.insert.InsertManyFastTx(ctx, tx.SQL(), rows); err != nil {
		return fmt.Errorf("insert jobs: %w", err)
	}
	tx.OnCommit(func() { q.announce(queues...) })
	return nil
}

// announce wakes the workers of the queues. If a queue has none, it is reported to Work, which
// starts them.
func (q *River) announce(queues ...string) {
	q.unserved.announce(queues...)
	q.newJobs.announce(queues...)
}
