package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Changes that a power failure may undo are not reported as missing after it.
func TestWitness(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		changes    int64
		want       error
	}{
		{"none", "", 1, nil},
		{"of an earlier release", "00000000000000000005", 5, nil},
		{"of an earlier release, ahead", "00000000000000000005", 4, ErrBehind},
		{"the same", fmt.Sprintf(form, 5, 9, boot()), 9, nil},
		{"ahead", fmt.Sprintf(form, 5, 9, boot()), 8, ErrBehind},
		{"ahead before the machine started", fmt.Sprintf(form, 5, 9, "another"), 5, nil},
		{"ahead in what was durable", fmt.Sprintf(form, 5, 9, "another"), 4, ErrBehind},
		{"of a system that does not tell", fmt.Sprintf(form, 5, 9, ""), 5, nil},
		{"scribbled over", "x 9", 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, highWaterName), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			w := newHighWater(dir)
			if err := w.compare(tt.changes); !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// The high-water mark keeps the synced count when an unsynced change is noted.
func TestWitnessNotes(t *testing.T) {
	w := newHighWater(t.TempDir())
	if err := w.compare(3); err != nil {
		t.Fatal(err)
	}
	w.note(4, true)
	w.note(6, false)
	b, err := os.ReadFile(w.path)
	if err != nil || parse(string(b)) != (seen{4, 6, boot()}) {
		t.Errorf("it says %q, %v", b, err)
	}
	if err := w.close(); err != nil {
		t.Error(err)
	}
}
