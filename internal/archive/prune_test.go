package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

func TestPrune(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	done := receive(t, a, "1.2.3", archive.Segment)
	kept := receive(t, a, "1.2.4", archive.Keep)
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			if o.SOPInstanceUID == "1.2.3" || o.SOPInstanceUID == "1.2.6" {
				return made(seg(o, "pacs")), nil
			}
			return archive.Made{}, archive.Permanent(errors.New("unsupported pixels"))
		},
		Deliver: func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
			if o.SOPInstanceUID == "1.2.6.9" {
				return archive.Answer{Status: 0xC000, Words: "refused"}, archive.Permanent(errors.New("refused"))
			}
			return delivered()
		},
	})
	quarantined := receive(t, a, "1.2.5", archive.Segment)
	undelivered := receive(t, a, "1.2.6", archive.Segment)
	await(t, "jobs", func() bool {
		s, err := a.Stats(t.Context())
		return err == nil && s.Quarantined == 2 && s.Waiting+s.Running+s.Retrying == 0
	})
	young := time.Now()
	receive(t, a, "1.2.7", archive.Keep)
	if n, err := a.Prune(t.Context(), young); n != 3 || err != nil {
		t.Errorf("pruned %d, %v; want 3: two received, one output", n, err)
	}
	for _, o := range []archive.Object{done, kept} {
		if _, err := a.Object(t.Context(), o.ID); !errors.Is(err, archive.ErrNotFound) {
			t.Errorf("object %d: %v, want ErrNotFound", o.ID, err)
		}
	}
	for _, o := range []archive.Object{quarantined, undelivered} {
		if _, err := a.Object(t.Context(), o.ID); err != nil {
			t.Errorf("object %d with a job: %v", o.ID, err)
		}
	}
	if n := len(objectFiles(t, dir)); n != 4 {
		t.Errorf("%d files, want 4", n)
	}
	// A repeated object is stored again, and makes no second result.
	again := receive(t, a, "1.2.3", archive.Segment)
	if again.ID == done.ID || again.Outcome != archive.Repeated {
		t.Errorf("sent again: %+v", again)
	}
	for _, e := range queue(t, a) {
		if e.ObjectID == again.ID {
			t.Errorf("job %+v", e)
		}
	}
}

// A version is not removed before an earlier one, which would be taken for the newest: while the
// result of the earlier one is being delivered, both stay. Later both are removed, and a repeat makes no second
// result.
func TestPruneVersionsInOrder(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	first := dataset(dxClass, "1.2.3", 500, 1)
	corrected := bytes.Replace(first, []byte("1.2.3.5"), []byte("1.2.3.6"), 1)
	send := func(data []byte) archive.Object {
		t.Helper()
		o, err := a.Receive(t.Context(), incoming("1.2.3", archive.Segment), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	began, release := make(chan struct{}), make(chan struct{})
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(segOf(o, fmt.Sprintf("1.2.3.9.%d", o.Version), fmt.Sprintf("pacs%d", o.Version))), nil
		},
		Deliver: func(_ context.Context, _ archive.Object, destination string) (archive.Answer, error) {
			if destination == "pacs1" {
				close(began)
				<-release
			}
			return delivered()
		},
	})
	send(first)
	<-began
	newest := send(corrected)
	await(t, "the delivery of the second version", func() bool {
		q := queue(t, a)
		return len(q) == 1 && q[0].Destination == "pacs1"
	})
	if _, _, err := a.MakeRoom(t.Context(), 1<<62); err != nil {
		t.Fatal(err)
	}
	if o, err := a.Find(t.Context(), "1.2.3"); err != nil || o.ID != newest.ID {
		t.Errorf("object %d, %v; want the newest version, %d", o.ID, err, newest.ID)
	}
	close(release)
	await(t, "the end of the first delivery", func() bool { return len(queue(t, a)) == 0 })
	if _, _, err := a.MakeRoom(t.Context(), 1<<62); err != nil {
		t.Fatal(err)
	}
	if left := all(t, a); len(left) > 0 {
		t.Errorf("%d objects are left", len(left))
	}
	if again := send(corrected); again.Outcome != archive.Repeated {
		t.Errorf("sent again: %+v", again)
	}
}
