package model_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/model"
)

// bundles exports n tiny models.
func bundles(t *testing.T, n int) []*model.Bundle {
	t.Helper()
	var list []*model.Bundle
	for i := range n {
		b, err := model.Export(model.XNet(1).Init(uint64(i)), model.Card{Name: "tiny", Version: string(rune('a' + i)), Licence: "none"}, "")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

func wantCurrent(t *testing.T, s model.Store, want *model.Bundle) {
	t.Helper()
	got, err := s.Current()
	switch {
	case err != nil:
		t.Fatal(err)
	case want == nil && got == nil:
	case want == nil || got == nil || got.Digest != want.Digest:
		t.Fatalf("current is %v, want %v", got, want)
	}
}

func TestPublishAndRollback(t *testing.T) {
	needLibrary(t)
	s := model.Store{Dir: filepath.Join(t.TempDir(), "models")}
	b := bundles(t, 3)
	wantCurrent(t, s, nil)
	for _, x := range b {
		if err := s.Publish(x); err != nil {
			t.Fatal(err)
		}
		wantCurrent(t, s, x)
	}
	for _, want := range []*model.Bundle{b[1], b[0], nil} {
		was, now, err := s.Rollback()
		if err != nil || was.Action != model.Published || (now == nil) != (want == nil) {
			t.Fatalf("rolled back %v to %v, %v", was, now, err)
		}
		wantCurrent(t, s, want)
	}
	if _, _, err := s.Rollback(); !errors.Is(err, model.ErrNothingPublished) {
		t.Errorf("got %v, want ErrNothingPublished", err)
	}
	if err := s.Publish(b[1]); err != nil {
		t.Fatal(err)
	}
	wantCurrent(t, s, b[1])
	history, err := s.History()
	if err != nil || len(history) != 7 {
		t.Errorf("%d lines of history, %v; want 7: nothing is forgotten", len(history), err)
	}
}

func TestDamagedStore(t *testing.T) {
	needLibrary(t)
	b := bundles(t, 2)
	for name, damage := range map[string]func(t *testing.T, s model.Store){
		"another file under the name": func(t *testing.T, s model.Store) {
			overwrite(t, s.Path(b[0].Digest), b[1].Bytes())
		},
		"half a file": func(t *testing.T, s model.Store) {
			overwrite(t, s.Path(b[0].Digest), b[0].Bytes()[:len(b[0].Bytes())/2])
		},
		"no file": func(t *testing.T, s model.Store) {
			if err := os.Remove(s.Path(b[0].Digest)); err != nil {
				t.Fatal(err)
			}
		},
		"no JSON": func(t *testing.T, s model.Store) {
			overwrite(t, filepath.Join(s.Dir, "history.jsonl"), []byte("published\n"))
		},
		"a path": func(t *testing.T, s model.Store) {
			overwrite(t, filepath.Join(s.Dir, "history.jsonl"), []byte(`{"action":"published","digest":"../../`+strings.Repeat("a", 58)+`"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := model.Store{Dir: t.TempDir()}
			if err := s.Publish(b[0]); err != nil {
				t.Fatal(err)
			}
			damage(t, s)
			if got, err := s.Current(); err == nil {
				t.Errorf("got %v, want an error", got)
			}
		})
	}
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
