package archive_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"dicomnode/internal/archive"
)

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	a := open(t, options(dir))
	done := receive(t, a, "1.2.3", archive.Segment)
	kept := receive(t, a, "1.2.4", archive.Keep)
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) ([]archive.Output, error) {
			if o.SOPInstanceUID == "1.2.3" || o.SOPInstanceUID == "1.2.6" {
				return []archive.Output{seg(o, "pacs")}, nil
			}
			return nil, archive.Permanent(errors.New("unsupported pixels"))
		},
		Deliver: func(_ context.Context, o archive.Object, _ string) error {
			if o.SOPInstanceUID == "1.2.6.9" {
				return archive.Permanent(errors.New("refused"))
			}
			return nil
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
	// What is sent again is done again.
	if again := receive(t, a, "1.2.3", archive.Segment); again.ID == done.ID {
		t.Errorf("the pruned id %d came back", again.ID)
	}
	await(t, "the output to be made again", func() bool {
		_, err := a.Find(t.Context(), "1.2.3.9")
		return err == nil
	})
}

func TestPauses(t *testing.T) {
	var total time.Duration
	want := 5 * time.Second
	for attempt := 1; attempt < archive.DefaultAttempts; attempt++ {
		got := archive.Pause(attempt)
		if got < want*9/10 || got > want*11/10+1 {
			t.Errorf("pause after attempt %d is %v, want about %v", attempt, got, want)
		}
		total += got
		want = min(2*want, 30*time.Minute)
	}
	if week := 7 * 24 * time.Hour; total < week || total > week*5/4 {
		t.Errorf("attempts last %v, want a week", total)
	}
	if got := archive.Pause(1 << 30); got < 27*time.Minute || got > 34*time.Minute {
		t.Errorf("pause after very many attempts is %v", got)
	}
}
