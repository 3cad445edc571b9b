package archive_test

import (
	"context"
	"path/filepath"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// Files belong to the owner of the folder, whatever commands an administrator runs in whatever
// order.
func TestOwner(t *testing.T) {
	above := durabletest.Foreign(t)
	opt := options(filepath.Join(above, "archive"))
	a := open(t, opt)
	stop := work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) { return made(seg(o)), nil }})
	o := receive(t, a, "1.2.3", archive.Segment)
	idle(t, a)
	stop()
	kept := receive(t, a, "1.2.4", archive.Segment)
	if _, err := a.Erase(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if err := flip(path(opt.Dir, kept)); err != nil {
		t.Fatal(err)
	}
	receive(t, a, "1.2.4", archive.Segment) // moves the damaged file to lost+found
	closed(t, a)
	durabletest.AllForeign(t, above)
	if _, err := archive.Rebuild(t.Context(), opt, true, func() {}); err != nil {
		t.Fatal(err)
	}
	durabletest.AllForeign(t, above)
}
