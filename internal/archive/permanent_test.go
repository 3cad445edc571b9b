package archive_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// A permanent error quarantines the job after one attempt, with its reason.
func TestNotRetried(t *testing.T) {
	cases := []struct {
		instance, reason string
		segment          func(archive.Object) (archive.Made, error)
	}{
		{"1.2.1", "unsupported pixels", func(archive.Object) (archive.Made, error) {
			return archive.Made{}, archive.Permanent(errors.New("unsupported pixels"))
		}},
		{"1.2.2", "panic in segment handler, see the log", func(archive.Object) (archive.Made, error) { panic("at the disco") }},
		{"1.2.3", "store output 1: (0020,000D): set value: required and empty", func(o archive.Object) (archive.Made, error) {
			out := seg(o, "pacs")
			out.Write = func(io.Writer) error { return errors.New("(0020,000D): set value: required and empty") }
			return made(out), nil
		}},
		{"1.2.4", "store output 1: data set cannot be read", func(o archive.Object) (archive.Made, error) {
			out := seg(o, "pacs")
			out.Write = func(w io.Writer) error { _, err := w.Write([]byte{8, 0, 0x16, 0}); return err }
			return made(out), nil
		}},
	}
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	for _, c := range cases {
		receive(t, a, c.instance, archive.Segment)
	}
	work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
		return cases[o.ID-1].segment(o)
	}})
	await(t, "quarantine", func() bool {
		s, err := a.Stats(t.Context())
		return err == nil && s.Quarantined == len(cases)
	})
	for i, e := range queue(t, a) {
		if e.Attempts != 1 || !strings.Contains(e.Reason, cases[i].reason) {
			t.Errorf("after %d attempts for %q, want 1 for %q", e.Attempts, e.Reason, cases[i].reason)
		}
	}
	if n := len(objectFiles(t, dir)); n != len(cases) {
		t.Errorf("%d files, want the %d received", n, len(cases))
	}
}
