package jobs

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
	news *notifier
}

func newDriver(db *sql.DB, n *notifier) *driver { return &driver{riversqlite.New(db), n} }

// SupportsListenNotify keeps River from writing notifications to its table.
func (d *driver) SupportsListenNotify() bool { return false }

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{news: d.news}
}

// notifier collects the queues that have new jobs until somebody asks; a queue
// announced twice meanwhile is told once.
type notifier struct {
	mu      sync.Mutex
	queues  map[string]bool
	waiting chan struct{}
}

func newNotifier() *notifier {
	return &notifier{queues: map[string]bool{}, waiting: make(chan struct{}, 1)}
}

// announce tells of new jobs in the queues. It never blocks.
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

// take returns one announced queue, "" when there is none.
func (n *notifier) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for q := range n.queues {
		delete(n.queues, q)
		return q
	}
	return ""
}

// takeAll returns the announced queues.
func (n *notifier) takeAll() (queues []string) {
	for q := n.take(); q != ""; q = n.take() {
		queues = append(queues, q)
	}
	return queues
}

// listener hands a notifier's announcements to River.
type listener struct{ news *notifier }

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
		if q := l.news.take(); q != "" {
			return &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue": %q}`, q)}, nil
		}
		select {
		case <-l.news.waiting:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
