package archive_test

import (
	"errors"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// Objects held by this process or another one do not expire. Holds of an ended process are
// removed.
func TestHold(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	held := receive(t, a, "1.2.3", archive.Keep)
	other := receive(t, a, "1.2.4", archive.Keep)
	beside, err := archive.OpenShared(t.Context(), archive.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	release, err := beside.Hold(held.ID)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := a.Prune(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v; want the one that is not held", n, err)
	}
	if _, err := a.Object(t.Context(), held.ID); err != nil {
		t.Errorf("the held object: %v", err)
	}
	if _, err := a.Object(t.Context(), other.ID); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("the other object: %v, want ErrNotFound", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Prune(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d after the release, %v; want 1", n, err)
	}
}
