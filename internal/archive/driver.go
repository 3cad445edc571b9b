package archive

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// insertTopic is where River announces new jobs of a queue.
const insertTopic = "river_insert"

// driver is River's SQLite driver with announcements inside the process: the
// one process that works the jobs is the one that makes them, so a channel
// replaces River's table of notifications, which costs writes and a query
// every 50 ms. Jobs changed by another process are found by polling.
type driver struct {
	*riversqlite.Driver
	bell *bell
}

func newDriver(db *sql.DB, b *bell) *driver { return &driver{riversqlite.New(db), b} }

// SupportsListenNotify keeps River from writing notifications to its table.
func (d *driver) SupportsListenNotify() bool { return false }

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{bell: d.bell}
}

// bell collects the queues that have new jobs until the listener asks.
type bell struct {
	mu     sync.Mutex
	queues map[string]bool
	rung   chan struct{}
}

func newBell() *bell { return &bell{queues: map[string]bool{}, rung: make(chan struct{}, 1)} }

// ring announces jobs in the queues. It never blocks.
func (b *bell) ring(queues ...string) {
	if len(queues) == 0 {
		return
	}
	b.mu.Lock()
	for _, q := range queues {
		b.queues[q] = true
	}
	b.mu.Unlock()
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// take returns one announced queue, "" when there is none.
func (b *bell) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for q := range b.queues {
		delete(b.queues, q)
		return q
	}
	return ""
}

// listener hands a bell's announcements to River.
type listener struct{ bell *bell }

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
		if q := l.bell.take(); q != "" {
			return &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue": %q}`, q)}, nil
		}
		select {
		case <-l.bell.rung:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
