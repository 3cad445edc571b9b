package archive_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"dicomnode/internal/archive"
)

// What a repeat cannot mend is quarantined after one attempt, with its reason.
func TestNotRetried(t *testing.T) {
	output := func(change func(*archive.Output)) func(archive.Object) ([]archive.Output, error) {
		return func(o archive.Object) ([]archive.Output, error) {
			out := seg(o, "pacs")
			change(&out)
			return []archive.Output{out}, nil
		}
	}
	cases := []struct {
		name    string
		segment func(archive.Object) ([]archive.Output, error)
		reason  string
	}{
		{"permanent error", func(archive.Object) ([]archive.Output, error) {
			return nil, archive.Permanent(errors.New("unsupported pixels"))
		}, "unsupported pixels"},
		{"panic", func(archive.Object) ([]archive.Output, error) { panic("at the disco") }, "panic in segment handler: at the disco"},
		{"output that cannot be encoded", output(func(out *archive.Output) {
			out.Write = func(io.Writer) error { return errors.New("(0010,0020): set 70 characters") }
		}), "store output 1: (0010,0020): set 70 characters"},
		{"output that ends early", output(func(out *archive.Output) {
			out.Write = func(w io.Writer) error { _, err := w.Write([]byte{8, 0, 0x16, 0}); return err }
		}), "store output 1: data set cannot be read"},
		{"output under another UID", output(func(out *archive.Output) { out.SOPInstanceUID = "1.9" }), "does not match"},
		{"output with an invalid UID", output(func(out *archive.Output) { out.SOPInstanceUID = "" }), "store output 1: "},
		{"output twice", func(o archive.Object) ([]archive.Output, error) {
			return []archive.Output{seg(o, "pacs"), seg(o, "pacs")}, nil
		}, "output 2 has the SOP Instance UID of an earlier one"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			a := open(t, options(dir))
			work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) ([]archive.Output, error) { return c.segment(o) }})
			receive(t, a, "1.2.3", archive.Segment)
			var entries []archive.Entry
			await(t, "quarantine", func() bool {
				entries = queue(t, a)
				return len(entries) == 1 && entries[0].State == archive.Quarantined
			})
			if e := entries[0]; e.Attempts != 1 || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("after %d attempts for %q, want 1 for %q", e.Attempts, e.Reason, c.reason)
			}
			if n := len(objectFiles(t, dir)); n != 1 {
				t.Errorf("%d files, want the received one", n)
			}
		})
	}
}
