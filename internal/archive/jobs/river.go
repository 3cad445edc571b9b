package jobs

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// River is a Queue in tables of River (riverqueue.com) beside the rows.
type River struct {
	opt         Options
	write, read *sql.DB
	insert      *river.Client[*sql.Tx] // inserts jobs, works none
	news        *notifier              // queues with new jobs, for River
	unserved    *notifier              // queues that Work may not serve yet
}

var _ Queue = (*River)(nil)

// Migrate brings River's tables in a database up to date.
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

// Open returns the queue in a database that has River's tables. write has one
// connection; read only reads.
func Open(write, read *sql.DB, opt Options) (*River, error) {
	q := &River{opt: opt.WithDefaults(), write: write, read: read, news: newNotifier(), unserved: newNotifier()}
	var err error
	q.insert, err = river.NewClient(newDriver(write, q.news), &river.Config{Logger: warnings(q.opt.Log)})
	return q, err
}

// args of a job, as River stores them. A kind is not among them: River stores it
// beside.
type args struct {
	kind        Kind
	ObjectID    int64  `json:"object_id"`
	Destination string `json:"destination,omitempty"`
	Model       string `json:"model,omitempty"`
}

// Kind names the kind to River.
func (a args) Kind() string { return string(a.kind) }

func jobOf(row *rivertype.JobRow, a args) Job {
	return Job{Kind: Kind(row.Kind), ObjectID: a.ObjectID, Destination: a.Destination, Priority: Priority(row.Priority), Model: a.Model}
}

// Insert adds jobs in a transaction of the database.
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

// announce wakes the workers of the queues, or starts them.
func (q *River) announce(queues ...string) {
	q.unserved.announce(queues...)
	q.news.announce(queues...)
}
