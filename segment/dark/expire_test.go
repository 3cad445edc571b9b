package dark_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

const (
	day  = 24 * time.Hour
	kept = 365 * day
)

// detectors adds a dark frame for each detector to the folder dir.
func detectors(t *testing.T, dir string, names ...string) (s *dark.Store, keys map[string]dark.Key) {
	t.Helper()
	s, keys = openStore(t, dir), map[string]dark.Key{}
	for _, name := range names {
		m := frameOf(t, name)
		if err := s.AddDark(m); err != nil {
			t.Fatal(err)
		}
		keys[name], _ = dark.KeyOf(m)
	}
	return s, keys
}

func frameOf(t *testing.T, detector string) *decode.Image {
	t.Helper()
	return frame(t, func(m *dicomtest.Image) { m.Extra[5].Value = detector }, level(300, 0))
}

// expire lets the folder be looked after at a time from now on and returns the detectors
// that were announced and removed.
func expire(t *testing.T, s *dark.Store, after time.Duration) (announced, removed string) {
	t.Helper()
	list, err := s.Expire(time.Now().Add(after), kept, func(u dark.Unused) error { removed += u.Key.Detector; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range list {
		announced += u.Key.Detector
	}
	return announced, removed
}

func files(t *testing.T, dir string) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.dark"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A calibration that nothing uses is announced once, two weeks before it goes, and goes to
// the day; another process knows the same.
func TestExpire(t *testing.T) {
	dir := t.TempDir()
	s, _ := detectors(t, dir, "A")
	for _, c := range []struct {
		after              time.Duration
		announced, removed string
	}{
		{0, "", ""}, {kept - 15*day, "", ""}, {kept - 13*day, "A", ""}, {kept - 12*day, "", ""}, {kept, "", ""}, {kept + 2*day, "", "A"}, {kept + 3*day, "", ""},
	} {
		if announced, removed := expire(t, openStore(t, dir), c.after); announced != c.announced || removed != c.removed {
			t.Errorf("after %v: announced %q, removed %q; want %q, %q", c.after, announced, removed, c.announced, c.removed)
		}
		want := 0
		if c.after > kept-14*day && c.after < kept+2*day {
			want = 1
		}
		list, err := s.Announced(kept)
		if err != nil || len(list) != want {
			t.Errorf("after %v: %v are announced, %v", c.after, list, err)
		}
		if want == 1 && (list[0].Goes.Sub(list[0].Last) < kept || list[0].Key.Detector != "A") {
			t.Errorf("%+v", list[0])
		}
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// An image or a dark frame takes an announcement back, also the same frame again; for ever
// is for ever.
func TestUsedStays(t *testing.T) {
	dir := t.TempDir()
	s, keys := detectors(t, dir, "A", "B", "C")
	if announced, _ := expire(t, s, kept-day); len(announced) != 3 {
		t.Fatalf("announced %q", announced)
	}
	other := openStore(t, dir) // which has noted no use yet
	if err := other.Used(keys["A"]); err != nil {
		t.Fatal(err)
	}
	if err := other.AddDark(frameOf(t, "B")); err != nil {
		t.Fatal(err)
	}
	list, err := s.Announced(kept)
	if err != nil || len(list) != 1 || list[0].Key.Detector != "C" {
		t.Errorf("announced %v, %v", list, err)
	}
	if list, err := s.Announced(0); err != nil || len(list) != 0 {
		t.Errorf("announced %v, %v, where all are kept for ever", list, err)
	}
	if _, err := s.Expire(time.Now().Add(9*kept), 0, func(dark.Unused) error { t.Error("it goes all the same"); return nil }); err != nil {
		t.Error(err)
	}
	if _, removed := expire(t, s, kept+14*day); removed != "C" {
		t.Errorf("removed %q", removed)
	}
}

// Nothing goes without an announcement two weeks before: not when the node stood still for
// years, nor of files of an earlier version, nor when a clock ran ahead.
func TestExpireNeverAtOnce(t *testing.T) {
	t.Run("off for years", func(t *testing.T) {
		s, _ := detectors(t, t.TempDir(), "A")
		for _, c := range []struct {
			after              time.Duration
			announced, removed string
		}{{5 * kept, "A", ""}, {5*kept + 13*day, "", ""}, {5*kept + 14*day, "", "A"}} {
			if announced, removed := expire(t, s, c.after); announced != c.announced || removed != c.removed {
				t.Errorf("after %v: announced %q, removed %q", c.after, announced, removed)
			}
		}
	})
	for name, content := range map[string]string{"earlier version": "", "damaged": "{", "null": "null"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := detectors(t, dir, "A")
			path := filepath.Join(dir, "uses.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if content == "" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Expire(time.Now().Add(5*kept), kept, func(dark.Unused) error { t.Error("it goes at once"); return nil })
			if (err != nil) != (content != "") {
				t.Errorf("error %v", err)
			}
			if announced, removed := expire(t, s, 6*kept-day); announced != "A" || removed != "" {
				t.Errorf("announced %q, removed %q", announced, removed)
			}
		})
	}
	t.Run("clock ahead", func(t *testing.T) {
		s, _ := detectors(t, t.TempDir(), "A")
		if announced, _ := expire(t, s, 5*kept); announced != "A" {
			t.Fatalf("announced %q", announced)
		}
		if announced, removed := expire(t, s, day); announced != "" || removed != "" {
			t.Errorf("the clock is right again: announced %q, removed %q", announced, removed)
		}
		if list, err := s.Announced(kept); err != nil || len(list) != 0 {
			t.Errorf("still announced: %v, %v", list, err)
		}
	})
}

// What cannot be noted is not removed; a calibration that cannot be read stays.
func TestExpireFails(t *testing.T) {
	dir := t.TempDir()
	s, _ := detectors(t, dir, "A")
	if err := os.WriteFile(filepath.Join(dir, "odd.dark"), []byte("odd"), 0o600); err != nil {
		t.Fatal(err)
	}
	expire(t, s, kept)
	full := errors.New("the disk is full")
	if _, err := s.Expire(time.Now().Add(2*kept), kept, func(dark.Unused) error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	if n := files(t, dir); n != 2 {
		t.Errorf("%d files are left", n)
	}
	if _, removed := expire(t, s, 2*kept); removed != "A" || files(t, dir) != 1 {
		t.Errorf("removed %q, %d files are left", removed, files(t, dir))
	}
}
