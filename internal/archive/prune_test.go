package archive_test

import (
	"context"
	"errors"
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
