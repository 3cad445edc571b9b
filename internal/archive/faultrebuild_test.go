package archive_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/durable/powercut"
)

// rebuildingNode rebuilds the index of an archive.
func rebuildingNode(dir string) error {
	_, err := archive.Rebuild(context.Background(), options(dir), true, func() {})
	return err
}

// After an interrupted rebuild no process opens the archive, and the next rebuild takes over from
// the index before the first: outcomes and deliveries are known.
func TestRebuildInterrupted(t *testing.T) {
	dir := filled(t)
	before := sums(t, dir)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := archive.Rebuild(ctx, options(dir), true, cancel); !errors.Is(err, context.Canceled) {
			t.Fatalf("rebuild: %v", err)
		}
		for name, open := range map[string]func(context.Context, archive.Options) (*archive.Archive, error){"Open": archive.Open, "OpenShared": archive.OpenShared} {
			if _, err := open(t.Context(), options(dir)); !errors.Is(err, archive.ErrIndex) || !errors.Is(err, archive.ErrRebuilding) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	rebuiltOnce(t, dir, len(before))
}

// rebuiltOnce rebuilds the index of a filled folder: the result that was delivered is not
// delivered again, nor is its image segmented again.
func rebuiltOnce(t *testing.T, dir string, objects int) {
	t.Helper()
	r, err := archive.Rebuild(t.Context(), options(dir), true, func() {})
	if err != nil || r.Received+r.Results != objects || r.Jobs != 1 || r.Deliveries != 1 {
		t.Errorf("rebuilt %+v, %v", r, err)
	}
	a := open(t, options(dir))
	defer closed(t, a)
	if q := queue(t, a); len(q) != 2 {
		t.Errorf("queue %+v", q)
	}
}

// TestRebuildPowerCut cuts the power, and so kills the process, at random moments of a rebuild.
// POWERCUTS sets their number. Each image that remains is refused, or opens with the index from
// before or the complete one, and can be rebuilt without another delivery.
func TestRebuildPowerCut(t *testing.T) {
	t.Parallel() // it waits most of the time
	if !tracing(t) {
		t.Skip("needs strace")
	}
	r, objects := recordRebuild(t)
	refused := 0
	for range powerCutsWanted(t) {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		moment := random.IntN(r.Moments + 1)
		dir := durabletest.Dir(t)
		if err := r.Image(moment, random, powercut.Honest, dir); err != nil {
			t.Fatal(err)
		}
		anotherBoot(t, dir)
		dir = filepath.Join(dir, "archive")
		switch a, err := archive.Open(t.Context(), options(dir)); {
		case errors.Is(err, archive.ErrIndex):
			refused++
		case err != nil:
			t.Errorf("start: %v", err)
		default:
			if q := queue(t, a); len(q) != 2 {
				t.Errorf("queue %+v", q)
			}
			closed(t, a)
		}
		rebuiltOnce(t, dir, objects)
		if t.Failed() {
			t.Fatalf("cut at %d of %d (%d)", moment, r.Moments, seed)
		}
	}
	t.Logf("%d calls recorded, %d starts refused", r.Moments, refused)
}

// recordRebuild records the rebuild of a filled archive whose node was killed, so that a part of
// its index is in the log.
func recordRebuild(t *testing.T) (r *powercut.Recording, objects int) {
	t.Helper()
	dir := durabletest.Dir(t)
	filled := filled(t)
	a := open(t, options(filled))
	o := receive(t, a, "1.2.9", archive.Keep)
	if _, err := a.Erase(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "archive"), os.DirFS(filled)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARCHIVE_REBUILD_DIR="+filepath.Join(dir, "archive"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	r, err := powercut.Record(cmd, dir)
	if err != nil || strings.TrimSpace(stderr.String()) != "<nil>" {
		t.Fatalf("%v, %s", err, stderr.String())
	}
	return r, len(sums(t, filled))
}
