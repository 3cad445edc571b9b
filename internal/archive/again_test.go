package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/uid"
)

// segmenting runs handlers that make a SEG of an image's content. It returns the delivered
// objects.
func segmenting(t *testing.T, a *archive.Archive) (deliveries chan archive.Object) {
	t.Helper()
	deliveries = make(chan archive.Object, 100)
	work(t, a, archive.Handlers{
		Segment: func(ctx context.Context, o archive.Object) (archive.Made, error) {
			f, err := o.Open()
			if err != nil {
				return archive.Made{}, err
			}
			defer f.Close()
			d, err := digest(ctx, f, f.Size())
			if err != nil {
				return archive.Made{}, err
			}
			out := segOf(o, "1.9."+number(d.Identity), "pacs")
			return archive.Made{Outputs: []archive.Output{out}, Route: "radiographs", Digests: d}, nil
		},
		Dark: func(context.Context, archive.Object) error { return nil },
		Deliver: func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
			f, err := o.OpenDataset()
			if err != nil {
				return archive.Answer{}, err
			}
			defer f.Close()
			if _, err := f.Read(make([]byte, 1<<20)); err != nil {
				return archive.Answer{}, err
			}
			deliveries <- o
			return archive.Answer{Words: "success"}, nil
		},
	})
	return deliveries
}

// send stores data for a purpose.
func send(t *testing.T, a *archive.Archive, data []byte, purpose archive.Purpose) (archive.Object, error) {
	t.Helper()
	return a.Receive(t.Context(), incoming("1.2.3", purpose), bytes.NewReader(data))
}

func idle(t *testing.T, a *archive.Archive) {
	t.Helper()
	await(t, "the queue to empty", func() bool { return len(queue(t, a)) == 0 })
}

// patient returns the data set of an instance of a patient.
func patient(id string) []byte {
	data := dataset(dxClass, "1.2.3", 1000, 7)
	at := bytes.Index(data, []byte{0x18, 0x00, 0x15, 0x00})
	return bytes.Join([][]byte{data[:at], element(0x0010, 0x0020, "LO", []byte(id)), data[at:]}, nil)
}

// When a patient is corrected, the new version is segmented under the new identity and the old
// results are superseded. If the correction is undone, no third result is made.
func TestCorrected(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	deliveries := segmenting(t, a)
	wrong, err := send(t, a, patient("WRONG1"), archive.Segment)
	if err != nil {
		t.Fatal(err)
	}
	first := <-deliveries
	idle(t, a)
	right, err := send(t, a, patient("RIGHT1"), archive.Segment)
	if err != nil || right.ID == wrong.ID || right.Version != 2 {
		t.Fatalf("corrected: %+v, %v", right, err)
	}
	second := <-deliveries
	idle(t, a)
	if first.SOPInstanceUID == second.SOPInstanceUID || second.ParentID != right.ID {
		t.Errorf("results %+v and %+v", first, second)
	}
	if o, err := a.Find(t.Context(), "1.2.3"); err != nil || o.ID != right.ID {
		t.Errorf("newest is %d, %v, want %d", o.ID, err, right.ID)
	}
	for _, id := range []int64{wrong.ID, first.ID} {
		if o, err := a.Object(t.Context(), id); err != nil || o.SupersededAt.IsZero() {
			t.Errorf("object %d is not superseded: %v", id, err)
		}
	}
	for _, back := range []struct {
		id   string
		want int64
	}{{"WRONG1", wrong.ID}, {"RIGHT1", right.ID}} {
		if o, err := send(t, a, patient(back.id), archive.Segment); err != nil || o.ID != back.want {
			t.Errorf("%s again: object %d, %v, want %d", back.id, o.ID, err, back.want)
		}
	}
	idle(t, a)
	if n := len(all(t, a)); n != 4 || len(deliveries) != 0 {
		t.Errorf("%d objects, %d more deliveries; want 4, none", n, len(deliveries))
	}
}

// Deliveries of the old version that have not started are withdrawn.
func TestCorrectedBeforeDelivery(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	if _, err := send(t, a, patient("WRONG1"), archive.Segment); err != nil {
		t.Fatal(err)
	}
	stop := work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
		return made(seg(o, "pacs")), nil
	}})
	await(t, "a delivery that waits", func() bool { q := queue(t, a); return len(q) == 1 && q[0].Kind == "deliver" })
	stop()
	waiting := queue(t, a)[0].ObjectID
	right, err := send(t, a, patient("RIGHT1"), archive.Segment)
	if err != nil {
		t.Fatal(err)
	}
	if q := queue(t, a); len(q) != 1 || q[0].ObjectID != right.ID {
		t.Errorf("queue %+v, want the new version's job", q)
	}
	if d, err := a.Deliveries(t.Context(), waiting); err != nil || len(d) != 1 || d[0].State != index.Withdrawn {
		t.Errorf("deliveries %+v, %v", d, err)
	}
}

// An instance that was stored without a job gets one when a peer with another purpose sends it
// again. The same holds for a dark frame that was first sent to the wrong AE title.
func TestPurposeChanges(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	deliveries := segmenting(t, a)
	kept, err := send(t, a, patient("A"), archive.Keep)
	if err != nil {
		t.Fatal(err)
	}
	o, err := send(t, a, patient("A"), archive.Segment)
	if err != nil || o.ID != kept.ID || o.Purpose != archive.Segment {
		t.Fatalf("sent again: %+v, %v", o, err)
	}
	<-deliveries
	idle(t, a)
	if o, err = send(t, a, patient("A"), archive.Dark); err != nil || o.ID != kept.ID {
		t.Fatal(err)
	}
	await(t, "the dark frame", func() bool {
		o, err := a.Object(t.Context(), kept.ID)
		return err == nil && o.Outcome == archive.Learnt
	})
	if o, err = send(t, a, patient("A"), archive.Keep); err != nil || o.ID != kept.ID {
		t.Fatal(err)
	}
	idle(t, a)
	if files := objectFiles(t, dir); len(files) != 2 || len(deliveries) != 0 {
		t.Errorf("%d files, %d more deliveries", len(files), len(deliveries))
	}
}

// An image that matched no route is segmented when another peer, with a matching route, sends
// it again.
func TestRouteOfAnotherPeer(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	made := make(chan string, 10)
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			made <- o.Source
			if o.Source != "pacs" {
				return archive.Made{Outcome: archive.NoRoute}, nil
			}
			return archive.Made{Outputs: []archive.Output{seg(o)}}, nil
		},
	})
	in := incoming("1.2.3", archive.Segment)
	data := dataset(dxClass, "1.2.3", 100, 1)
	for _, c := range []struct {
		source string
		jobs   int
	}{{"dx1", 1}, {"pacs", 1}, {"dx1", 0}} { // after it is segmented, nothing changes
		in.Source = c.source
		if _, err := a.Receive(t.Context(), in, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		idle(t, a)
		if len(made) != c.jobs {
			t.Fatalf("from %s: %d jobs, want %d", c.source, len(made), c.jobs)
		}
		for range c.jobs {
			if source := <-made; source != c.source {
				t.Errorf("segmented as from %s, came from %s", source, c.source)
			}
		}
	}
	if o, err := a.Find(t.Context(), "1.2.3"); err != nil || o.Outcome != archive.Segmented || o.Source != "pacs" {
		t.Errorf("%+v, %v", o, err)
	}
}

// An image that matched no route is tried again when it is sent again.
func TestNoRouteYet(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	runs := make(chan int64, 10)
	work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
		runs <- o.ID
		return archive.Made{Outcome: archive.NoRoute}, nil
	}})
	o := receive(t, a, "1.2.3", archive.Segment)
	<-runs
	idle(t, a)
	receive(t, a, "1.2.3", archive.Segment)
	if id := <-runs; id != o.ID {
		t.Errorf("job of object %d, want %d", id, o.ID)
	}
}

// An instance that cannot be compared with the stored one is stored as a further version; it is
// not refused, and not dropped with status 0000.
func TestNotComparable(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.Digest = func(context.Context, readerOf, int64) (archive.Digests, error) {
		return archive.Digests{}, errors.New("a lossy transfer syntax")
	}
	a := open(t, opt)
	for i, data := range [][]byte{patient("A"), patient("B"), patient("A"), patient("B")} {
		o, err := send(t, a, data, archive.Keep)
		if err != nil || o.Version != i%2+1 {
			t.Errorf("copy %d: version %d, %v", i, o.Version, err)
		}
		if !bytes.Equal(contents(t, o), data) {
			t.Errorf("copy %d: other contents", i)
		}
	}
}

// A missing, truncated or changed file is replaced by the sender's repeat in any encoding, and
// its quarantined job runs.
func TestDamagedCopy(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":    os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 700) },
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"flipped": flip,
	} {
		for _, deflated := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				dir := durabletest.Dir(t)
				a := open(t, options(dir))
				o, err := send(t, a, patient("A"), archive.Segment)
				if err != nil {
					t.Fatal(err)
				}
				if deflated { // digests are stored when it is segmented or compared
					if _, err := a.Receive(t.Context(), deflatedIncoming(), bytes.NewReader(deflate(t, patient("A")))); err != nil {
						t.Fatal(err)
					}
				}
				if err := spoil(path(dir, o)); err != nil {
					t.Fatal(err)
				}
				deliveries := segmenting(t, a)
				await(t, "quarantine", func() bool { q := queue(t, a); return len(q) == 1 && q[0].State == archive.Quarantined })
				var again archive.Object
				if deflated {
					again, err = a.Receive(t.Context(), deflatedIncoming(), bytes.NewReader(deflate(t, patient("A"))))
				} else {
					again, err = send(t, a, patient("A"), archive.Segment)
				}
				if err != nil || again.ID != o.ID {
					t.Fatalf("repeat: object %d, %v, want %d", again.ID, err, o.ID)
				}
				<-deliveries
				idle(t, a)
			})
		}
	}
}

func deflatedIncoming() archive.Incoming {
	in := incoming("1.2.3", archive.Segment)
	in.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
	return in
}

// flip inverts the last bit of a file.
func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	return os.WriteFile(path, b, 0o600)
}

// A damaged result is made again, and the damaged file is never delivered.
func TestDamagedResult(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{"gone": os.Remove, "cut": func(p string) error { return os.Truncate(p, 600) }, "flipped": flip} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			a := open(t, options(dir))
			o := receive(t, a, "1.2.3", archive.Segment)
			h := archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) { return made(seg(o, "pacs")), nil }}
			stop := work(t, a, h)
			await(t, "the result", func() bool { q := queue(t, a); return len(q) == 1 && q[0].Kind == "deliver" })
			stop()
			results, err := a.Results(t.Context(), o.ID)
			if err != nil || len(results) != 1 {
				t.Fatal(results, err)
			}
			if err := spoil(path(dir, results[0])); err != nil {
				t.Fatal(err)
			}
			got := make(chan []byte, 10)
			h.Deliver = func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
				b, err := read(o)
				if err == nil {
					got <- b
				}
				return archive.Answer{}, err
			}
			work(t, a, h)
			if b := <-got; !bytes.Equal(b, dataset(segClass, "1.2.3.9", 100, 9)) {
				t.Error("another result was delivered")
			}
			idle(t, a)
			if d, err := a.Deliveries(t.Context(), results[0].ID); err != nil || d[0].State != index.Delivered || d[0].Attempts < 2 {
				t.Errorf("delivery %+v, %v", d, err)
			}
		})
	}
}

// A repeat after the image has expired is stored and makes no second result, even in another
// encoding; a corrected one makes its own result.
func TestRepeatAfterExpiry(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	deliveries := segmenting(t, a)
	if _, err := send(t, a, patient("A"), archive.Segment); err != nil {
		t.Fatal(err)
	}
	<-deliveries
	expire := func() {
		idle(t, a)
		if _, _, err := a.MakeRoom(t.Context(), 1<<62); err != nil {
			t.Fatal(err)
		}
		if n := len(all(t, a)); n != 0 {
			t.Fatalf("%d objects left", n)
		}
	}
	expire()
	if o, err := send(t, a, patient("A"), archive.Segment); err != nil || o.Outcome != archive.Repeated {
		t.Errorf("repeat: %+v, %v", o, err)
	}
	expire()
	if o, err := a.Receive(t.Context(), deflatedIncoming(), bytes.NewReader(deflate(t, patient("A")))); err != nil || o.Outcome != archive.Repeated {
		t.Errorf("repeat in another encoding: %+v, %v", o, err)
	}
	expire()
	if _, err := send(t, a, patient("B"), archive.Segment); err != nil {
		t.Fatal(err)
	}
	<-deliveries
	if len(deliveries) != 0 {
		t.Error("a repeat made a result")
	}
}

// TestOutdatedAfterExpiry: a version that has expired is stored again as what it was, without a
// result, and the version that replaced it remains the current one, whether that is stored or
// not.
func TestOutdatedAfterExpiry(t *testing.T) {
	type step struct {
		patient string
		deflate bool
		version int
		outcome string
		current int // 0: all that is stored is superseded
	}
	for name, c := range map[string]struct {
		both  bool // versions expire
		again []step
	}{
		"the correction is stored": {false, []step{{"WRONG1", false, 1, archive.Repeated, 2}, {"WRONG1", false, 1, archive.Repeated, 2}, {"WRONG1", true, 1, archive.Repeated, 2}, {"RIGHT1", false, 2, archive.Segmented, 2}}},
		"in another encoding":      {false, []step{{"WRONG1", true, 1, archive.Repeated, 2}, {"WRONG1", false, 1, archive.Repeated, 2}}},
		"both expired":             {true, []step{{"WRONG1", false, 1, archive.Repeated, 0}, {"WRONG1", true, 1, archive.Repeated, 0}, {"RIGHT1", false, 3, archive.Repeated, 3}}},
		"in order":                 {true, []step{{"RIGHT1", true, 3, archive.Repeated, 3}, {"WRONG1", true, 1, archive.Repeated, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, options(durabletest.Dir(t)))
			deliveries := segmenting(t, a)
			before := time.Now()
			for _, id := range []string{"WRONG1", "RIGHT1"} {
				before = time.Now()
				if _, err := send(t, a, patient(id), archive.Segment); err != nil {
					t.Fatal(err)
				}
				<-deliveries
				idle(t, a)
			}
			if c.both {
				before = time.Now()
			}
			if _, err := a.Prune(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			for _, s := range c.again {
				in, data := incoming("1.2.3", archive.Segment), patient(s.patient)
				if s.deflate {
					in, data = deflatedIncoming(), deflate(t, data)
				}
				o, err := a.Receive(t.Context(), in, bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if o, err = a.Object(t.Context(), o.ID); err != nil || o.Version != s.version || o.Outcome != s.outcome || current(t, a) != s.current {
					t.Errorf("%+v: version %d, %q, %v; current is %d", s, o.Version, o.Outcome, err, current(t, a))
				}
			}
			idle(t, a)
			if len(deliveries) != 0 {
				t.Errorf("%d results are delivered again", len(deliveries))
			}
		})
	}
}

// current returns the version of the one image that is not superseded, 0 if there is none.
func current(t *testing.T, a *archive.Archive) (version int) {
	t.Helper()
	for _, o := range all(t, a) {
		if o.ParentID == 0 && o.SupersededAt.IsZero() {
			if version != 0 {
				t.Errorf("versions %d and %d are current", version, o.Version)
			}
			version = o.Version
		}
	}
	return version
}

// A repeat in another encoding that arrives while its image is segmented, and is compared until
// the job has ended, makes no second job.
func TestRepeatWhileSegmented(t *testing.T) {
	opt := options(durabletest.Dir(t))
	began, finish := make(chan struct{}, 2), make(chan struct{})
	compares, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	opt.Digest = func(ctx context.Context, r io.Reader, size int64) (archive.Digests, error) {
		once.Do(func() { close(compares); <-ended })
		return digest(ctx, r, size)
	}
	a := open(t, opt)
	work(t, a, archive.Handlers{Segment: func(context.Context, archive.Object) (archive.Made, error) {
		began <- struct{}{}
		<-finish
		return made(), nil
	}})
	if _, err := send(t, a, patient("A"), archive.Segment); err != nil {
		t.Fatal(err)
	}
	<-began
	received := make(chan error)
	go func() {
		_, err := a.Receive(t.Context(), deflatedIncoming(), bytes.NewReader(deflate(t, patient("A"))))
		received <- err
	}()
	<-compares
	close(finish)
	idle(t, a)
	close(ended)
	if err := <-received; err != nil {
		t.Fatal(err)
	}
	idle(t, a)
	if len(began) != 0 {
		t.Error("the image was segmented twice")
	}
}
