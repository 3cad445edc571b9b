package archive_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
)

// If a newer program makes a damaged result again under another UID, the new result takes over
// its deliveries. It is sent only to destinations that have not received the old one.
func TestDamagedResultOfAnotherProgram(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	o := receive(t, a, "1.2.3", archive.Segment)
	var mu sync.Mutex
	var sent []string
	h := archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(segOf(o, "1.2.3.9", "pacs", "second")), nil
		},
		Deliver: func(_ context.Context, o archive.Object, destination string) (archive.Answer, error) {
			if destination == "second" {
				return archive.Answer{}, errors.New("busy")
			}
			return archive.Answer{}, nil
		},
	}
	stop := work(t, a, h)
	await(t, "one delivery and one failure", func() bool {
		q := queue(t, a)
		return len(q) == 1 && q[0].Destination == "second" && q[0].Attempts > 0
	})
	stop()
	old, err := a.Results(t.Context(), o.ID)
	if err != nil || len(old) != 1 {
		t.Fatal(old, err)
	}
	if err := os.Truncate(path(dir, old[0]), 600); err != nil {
		t.Fatal(err)
	}
	h.Segment = func(_ context.Context, o archive.Object) (archive.Made, error) {
		return made(segOf(o, "1.2.3.10", "pacs", "second")), nil
	}
	h.Deliver = func(_ context.Context, o archive.Object, destination string) (archive.Answer, error) {
		if _, err := read(o); err != nil {
			return archive.Answer{}, err
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, o.SOPInstanceUID+" "+destination)
		return archive.Answer{}, nil
	}
	work(t, a, h)
	idle(t, a)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"1.2.3.10 second"}; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
	after, err := a.Results(t.Context(), o.ID)
	if err != nil || len(after) != 2 || after[0].SupersededAt.IsZero() || !after[1].SupersededAt.IsZero() {
		t.Fatalf("results %+v, %v", after, err)
	}
	for id, want := range map[int64]map[string]index.DeliveryState{
		after[0].ID: {"pacs": index.Delivered, "second": index.Withdrawn},
		after[1].ID: {"pacs": index.Skipped, "second": index.Delivered},
	} {
		deliveries, err := a.Deliveries(t.Context(), id)
		if err != nil || len(deliveries) != 2 {
			t.Fatal(deliveries, err)
		}
		for _, d := range deliveries {
			if d.State != want[d.Destination] {
				t.Errorf("object %d to %s: %s, want %s", id, d.Destination, d.State, want[d.Destination])
			}
		}
	}
}
