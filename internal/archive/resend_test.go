package archive_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
)

// refusing returns handlers whose deliveries to "pacs" are refused while refuse is true, and the
// number of deliveries.
func refusing(refuse *atomic.Bool) (h archive.Handlers, sent *atomic.Int64) {
	sent = new(atomic.Int64)
	return archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, "pacs", "second")), nil
		},
		Deliver: func(_ context.Context, _ archive.Object, destination string) (archive.Answer, error) {
			if destination == "pacs" && refuse.Load() {
				return archive.Answer{}, archive.Permanent(errors.New("refused"))
			}
			sent.Add(1)
			return delivered()
		},
	}, sent
}

// failed returns an archive, with one result that "pacs" has refused and "second" has, and the
// number of the result. From then on nothing is refused.
func failed(t *testing.T) (a *archive.Archive, result int64, sent *atomic.Int64) {
	t.Helper()
	a = open(t, options(durabletest.Dir(t)))
	var refuse atomic.Bool
	refuse.Store(true)
	h, sent := refusing(&refuse)
	work(t, a, h)
	receive(t, a, "1.2.3", archive.Segment)
	await(t, "quarantine", func() bool {
		q := queue(t, a)
		return len(q) == 1 && q[0].State == archive.Quarantined && sent.Load() == 1
	})
	refuse.Store(false)
	return a, queue(t, a)[0].ObjectID, sent
}

// To send a result again whose delivery is quarantined is to retry that job: it is sent once.
func TestResendQuarantined(t *testing.T) {
	a, result, sent := failed(t)
	job := queue(t, a)[0].ID
	if n, err := a.Resend(t.Context(), archive.Resending{To: []string{"pacs"}}, result); n != 1 || err != nil {
		t.Fatalf("%d started, %v", n, err)
	}
	idle(t, a)
	if n, err := a.Retry(t.Context(), job); n != 0 || err != nil {
		t.Errorf("%d jobs retried, %v; want none left", n, err)
	}
	idle(t, a)
	if n := sent.Load(); n != 2 {
		t.Errorf("%d deliveries, want one to each destination", n)
	}
	wantStates(t, "sent again", a, "1.2.3.9", index.Delivered)
}

// A delivery that a person has dropped is made again only if that is asked for.
func TestResendDropped(t *testing.T) {
	for name, c := range map[string]struct {
		r    archive.Resending
		want int
	}{
		"in bulk":            {archive.Resending{}, 1},
		"named":              {archive.Resending{Dropped: true}, 2},
		"to the destination": {archive.Resending{To: []string{"pacs"}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, result, sent := failed(t)
			if ids, err := a.Drop(t.Context()); len(ids) != 1 || err != nil {
				t.Fatalf("%v dropped, %v", ids, err)
			}
			if n, err := a.Resend(t.Context(), c.r, result); n != c.want || err != nil {
				t.Errorf("%d started, %v; want %d", n, err, c.want)
			}
			idle(t, a)
			if n := sent.Load(); n != int64(1+c.want) {
				t.Errorf("%d deliveries, want %d", n, 1+c.want)
			}
			if d, err := a.Deliveries(t.Context(), result); err != nil || (d[0].State == index.Refused) != (name == "in bulk") {
				t.Errorf("deliveries %+v, %v", d, err)
			}
		})
	}
}

// Superseded results are not sent, and their deliveries stay what they are.
func TestResendSuperseded(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	deliveries := segmenting(t, a)
	var results []archive.Object
	for _, id := range []string{"WRONG1", "RIGHT1"} {
		if _, err := send(t, a, patient(id), archive.Segment); err != nil {
			t.Fatal(err)
		}
		results = append(results, <-deliveries)
		idle(t, a)
	}
	for _, r := range []archive.Resending{{}, {Dropped: true}, {To: []string{"pacs"}}} {
		if n, err := a.Resend(t.Context(), r, results[0].ID, results[1].ID); n != 1 || err != nil {
			t.Errorf("%+v: %d started, %v; want 1", r, n, err)
		}
		if o := <-deliveries; o.ID != results[1].ID {
			t.Errorf("%+v: result %d is sent", r, o.ID)
		}
		idle(t, a)
	}
	if d, err := a.Deliveries(t.Context(), results[0].ID); err != nil || len(d) != 1 || d[0].State != index.Delivered {
		t.Errorf("deliveries %+v, %v", d, err)
	}
}
