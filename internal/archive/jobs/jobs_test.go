package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/jobs/jobstest"
	"dicomnode/internal/durable/durabletest"
)

// database returns an empty database with River's tables.
func database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(durabletest.Dir(t), "jobs.sqlite")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if err := jobs.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

type tx struct {
	sql   *sql.Tx
	after []func()
}

func (t *tx) SQL() *sql.Tx      { return t.sql }
func (t *tx) OnCommit(f func()) { t.after = append(t.after, f) }

func (t *tx) commit() {
	for _, f := range t.after {
		f()
	}
}

func update(db *sql.DB) jobstest.Update {
	return func(ctx context.Context, f func(jobs.Tx) error) error {
		stx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		t := &tx{sql: stx}
		if err := f(t); err != nil {
			return errors.Join(err, stx.Rollback())
		}
		if err := stx.Commit(); err != nil {
			return err
		}
		t.commit()
		return nil
	}
}

func river(t *testing.T, db *sql.DB, opt jobs.Options) jobs.Queue {
	t.Helper()
	q, err := jobs.Open(db, db, opt)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestRiver(t *testing.T) {
	jobstest.Run(t, func(t *testing.T, opt jobs.Options) (jobs.Queue, jobstest.Update) {
		db := database(t)
		return river(t, db, opt), update(db)
	})
}

func TestMemory(t *testing.T) {
	jobstest.Run(t, func(_ *testing.T, opt jobs.Options) (jobs.Queue, jobstest.Update) {
		return jobs.NewMemory(opt), func(_ context.Context, f func(jobs.Tx) error) error {
			t := &tx{}
			err := f(t)
			if err == nil {
				t.commit()
			}
			return err
		}
	})
}

// A job that decodes images is quarantined after two crashes or out-of-memory kills of the
// process. If the process was ended by somebody, or the job is a delivery, it is quarantined
// after ten.
func TestRescue(t *testing.T) {
	for _, tt := range []struct {
		kind    jobs.Kind
		crashed bool
		want    int // ends of the process before quarantine
	}{{jobs.Segment, true, 2}, {jobs.Dark, true, 2}, {jobs.Segment, false, 10}, {jobs.Deliver, true, 10}} {
		t.Run(fmt.Sprintf("%s crashed %t", tt.kind, tt.crashed), func(t *testing.T) {
			db := database(t)
			if err := update(db)(t.Context(), func(tx jobs.Tx) error {
				return river(t, db, jobs.Options{}).Insert(t.Context(), tx, jobs.Job{Kind: tt.kind, ObjectID: 1, Destination: "pacs"})
			}); err != nil {
				t.Fatal(err)
			}
			for ends := 0; ; ends++ {
				opt := jobstest.Options()
				opt.Crashed = tt.crashed && ends > 0
				q := river(t, db, opt)
				ctx, cancel := context.WithCancel(t.Context())
				began := make(chan struct{}, 1)
				done := make(chan error, 1)
				h := func(context.Context, jobs.Run) error { began <- struct{}{}; return nil }
				go func() { done <- q.Work(ctx, jobs.Handlers{tt.kind: h}) }()
				quarantined := false
				select {
				case <-began:
				case <-poll(t, func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Quarantined == 1 }):
					quarantined = true
				}
				cancel()
				if err := <-done; err != nil && !errors.Is(err, context.Canceled) { // Work may not have started yet
					t.Fatal(err)
				}
				if quarantined {
					if ends != tt.want {
						t.Errorf("quarantined after %d ends, want %d", ends, tt.want)
					}
					return
				}
				// The state that an ended process leaves.
				if _, err := db.ExecContext(t.Context(), "UPDATE river_job SET state = 'running', finalized_at = NULL, attempt = ?", ends+1); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// poll returns a channel that is closed when ok returns true.
func poll(t *testing.T, ok func() bool) <-chan struct{} {
	t.Helper()
	found := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if ok() {
					close(found)
					return
				}
			case <-t.Context().Done():
				return
			}
		}
	}()
	return found
}

// Jobs that were postponed while the clock was ahead become due at once.
func TestClockAhead(t *testing.T) {
	db := database(t)
	q := river(t, db, jobs.Options{RetryBase: time.Second, RetryMax: time.Minute})
	err := update(db)(t.Context(), func(tx jobs.Tx) error {
		for id := range int64(3) {
			if err := q.Insert(t.Context(), tx, jobs.Job{Kind: jobs.Dark, ObjectID: id + 1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ahead := time.Now().Add(20 * time.Minute).UTC().Format("2006-01-02 15:04:05.000")
	for _, s := range []string{
		"UPDATE river_job SET scheduled_at = ?1 WHERE id = 1",
		"UPDATE river_job SET scheduled_at = ?1, state = 'retryable', attempt = 1, errors = jsonb('[{\"error\": \"x\"}]') WHERE id = 2",
	} {
		if _, err := db.ExecContext(t.Context(), s, ahead); err != nil {
			t.Fatal(err)
		}
	}
	ran := make(chan int64, 3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- q.Work(ctx, jobs.Handlers{jobs.Dark: func(_ context.Context, r jobs.Run) error { ran <- r.ObjectID; return nil }})
	}()
	for range 3 {
		<-ran
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A job that was postponed without an attempt, as for a paused destination, waits for its time:
// the clock was not wrong.
func TestPutOff(t *testing.T) {
	db := database(t)
	q := river(t, db, jobs.Options{RetryBase: time.Second, RetryMax: time.Minute})
	err := update(db)(t.Context(), func(tx jobs.Tx) error {
		return q.Insert(t.Context(), tx, jobs.Job{Kind: jobs.Dark, ObjectID: 1}, jobs.Job{Kind: jobs.Dark, ObjectID: 2})
	})
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Minute).UTC().Format("2006-01-02 15:04:05.000")
	if _, err := db.ExecContext(t.Context(), "UPDATE river_job SET scheduled_at = ?, state = 'scheduled' WHERE id = 1", later); err != nil {
		t.Fatal(err)
	}
	ran := make(chan int64, 2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- q.Work(ctx, jobs.Handlers{jobs.Dark: func(_ context.Context, r jobs.Run) error { ran <- r.ObjectID; return nil }})
	}()
	if id := <-ran; id != 2 {
		t.Errorf("job %d ran before its time", id)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var at string
	if err := db.QueryRowContext(t.Context(), "SELECT strftime('%Y-%m-%d %H:%M:%f', scheduled_at) FROM river_job WHERE id = 1").Scan(&at); err != nil || at != later {
		t.Errorf("job 1 is due %q, %v; want %q", at, err, later)
	}
}

// A node that is told to end while it begins to work ends without an error.
func TestWorkThatEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	nothing := func(context.Context, jobs.Run) error { return nil }
	if err := river(t, database(t), jobs.Options{}).Work(ctx, jobs.Handlers{jobs.Dark: nothing}); err != nil {
		t.Error(err)
	}
}

func TestPauses(t *testing.T) {
	opt := jobs.Options{}.WithDefaults()
	var total time.Duration
	want := 5 * time.Second
	for attempt := 1; attempt < opt.MaxAttempts; attempt++ {
		got := opt.Pause(attempt)
		if got < want*9/10 || got > want*11/10+1 {
			t.Errorf("pause after attempt %d is %v, want about %v", attempt, got, want)
		}
		total += got
		want = min(2*want, 30*time.Minute)
	}
	if week := 7 * 24 * time.Hour; total < week || total > week*5/4 {
		t.Errorf("attempts last %v, want a week", total)
	}
	if got := opt.Pause(1 << 30); got < 27*time.Minute || got > 34*time.Minute {
		t.Errorf("pause after very many attempts is %v", got)
	}
}
