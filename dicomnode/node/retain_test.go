package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/segment/dark"
)

// keeper is a node that has an archive, and neither network nor model.
func keeper(t *testing.T, r configs.Retention) (*Node, *nodetest.Buffer) {
	t.Helper()
	log := &nodetest.Buffer{}
	a, err := archive.Open(t.Context(), archive.Options{Dir: t.TempDir(), MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	c := configs.Default()
	c.Retention = r
	n := &Node{archive: a, log: slog.New(slog.NewTextHandler(log, nil)), associations: &associations{}, destinations: &destinations{},
		commitments: newCommitments(nil), commitmentRequests: newCommitmentRequests()}
	n.config.Store(&c)
	return n, log
}

// keep stores a small object, with a job when the purpose asks for one.
func (n *Node) keep(t *testing.T, name string, purpose archive.Purpose) archive.Object {
	t.Helper()
	path := nodetest.Image{Name: name}.File(t, t.TempDir())
	h, err := scu.ReadHeader(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(h.DatasetOffset, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	o, err := n.archive.Receive(t.Context(), archive.Incoming{
		SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID, TransferSyntaxUID: h.TransferSyntaxUID, Purpose: purpose,
	}, f)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (n *Node) has(t *testing.T, o archive.Object) bool {
	t.Helper()
	_, err := n.archive.Object(t.Context(), o.ID)
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// retaining runs n.retain in the bubble until the function it returns is called.
func (n *Node) retaining() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { n.retain(ctx); close(done) }()
	return func() { cancel(); <-done }
}

// What is finished goes when its time is over, to the minute; what has a job stays.
func TestRetain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := keeper(t, configs.Retention{Keep: 3 * time.Hour})
		old, waiting := n.keep(t, "old", archive.Keep), n.keep(t, "waiting", archive.Segment)
		defer n.retaining()()
		advance(time.Hour)
		young := n.keep(t, "young", archive.Keep)
		advance(2*time.Hour - 2*retainEvery)
		if !n.has(t, old) {
			t.Error("an object went before its time")
		}
		advance(4 * retainEvery)
		if n.has(t, old) || !n.has(t, waiting) || !n.has(t, young) {
			t.Errorf("after 3h: old %v, waiting %v, young %v; want false, true, true", n.has(t, old), n.has(t, waiting), n.has(t, young))
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "objects=1") {
			t.Errorf("log, want one line with the count:\n%s", text)
		}
		if _, err := n.archive.Drop(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		advance(2 * retainEvery)
		if n.has(t, waiting) {
			t.Error("an object stays whose job was dropped")
		}
	})
}

// advance lets time pass in the bubble, and what falls due in it be done.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// The calibration of a detector that sends nothing is announced in the log, goes, and its
// going is a manual act; status announces it too.
func TestCalibrationsExpire(t *testing.T) {
	frame := nodetest.DarkFrames(t, 1)[0]
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		n, log := keeper(t, configs.Retention{Calibrations: 30 * day})
		dir := t.TempDir()
		addDark(t, dir, frame)
		var err error
		if n.darks, err = dark.Open(filepath.Join(dir, "dark")); err != nil {
			t.Fatal(err)
		}
		defer n.retaining()()
		announced := func() int {
			list, err := n.darks.Announced(30 * day)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		advance(15 * day)
		if log.String() != "" || announced() != 0 {
			t.Errorf("after 15 days:\n%s", log)
		}
		advance(2 * day)
		if !strings.Contains(log.String(), "calibration will be removed") || announced() != 1 {
			t.Errorf("after 17 days:\n%s", log)
		}
		advance(14 * day)
		acts, err := n.archive.Acts(t.Context(), 10)
		if err != nil || len(acts) != 1 || acts[0].What != "expire" || !strings.Contains(acts[0].Subject, "calibration of ") || !strings.Contains(acts[0].Reason, "30 days") {
			t.Errorf("acts %+v, %v", acts, err)
		}
		if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "calibration removed") || announced() != 0 {
			t.Errorf("after 31 days:\n%s", text)
		}
		if known, err := n.darks.List(); err != nil || len(known) != 0 {
			t.Errorf("%d calibrations, %v", len(known), err)
		}
	})
}

// With keep: 0 everything stays.
func TestRetainForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := keeper(t, configs.Retention{})
		o := n.keep(t, "old", archive.Keep)
		defer n.retaining()()
		advance(60 * 24 * time.Hour)
		if !n.has(t, o) || log.String() != "" {
			t.Errorf("the object is there: %v; log: %s", n.has(t, o), log)
		}
	})
}

// When the disk is short of space what is finished goes at once, and what is not
// stays, with a complaint.
func TestRetainForRoom(t *testing.T) {
	n, log := keeper(t, configs.Retention{MinFreeMiB: 1 << 30})
	finished, waiting := n.keep(t, "finished", archive.Keep), n.keep(t, "waiting", archive.Segment)
	n.removeForRoom(t.Context())
	if n.has(t, finished) || !n.has(t, waiting) {
		t.Errorf("finished %v, waiting %v; want false, true", n.has(t, finished), n.has(t, waiting))
	}
	for _, want := range []string{"level=WARN", "objects=1", "level=ERROR", "no finished objects are left"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

// Retention is taken over with the rest of a reloaded file.
func TestRetentionReloads(t *testing.T) {
	n, _ := keeper(t, configs.Retention{Keep: time.Hour})
	c := configs.Default()
	n.Reload(c)
	if got := n.config.Load().Retention; got != c.Retention {
		t.Errorf("retention after a reload: %+v, want %+v", got, c.Retention)
	}
}
