package unread_test

import (
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/index/indextest"
	"dicomnode/internal/archive/unread"
)

// A SHA-256 is stored for the file that was read only: not if the row has another one by now,
// or already has a SHA-256.
func TestKeep(t *testing.T) {
	x := index.NewMemory()
	summed := []index.Object{indextest.Object("1.2.1", 1), indextest.Object("1.2.2", 1), indextest.Object("1.2.3", 1)}
	err := x.Update(t.Context(), func(tx index.Tx) error {
		for i, o := range summed {
			if o.SHA256 = ""; i == 2 {
				o.SHA256 = "known"
			}
			id, err := tx.Add(o)
			if err != nil {
				return err
			}
			summed[i].ID, summed[i].SHA256 = id, "read"
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	summed[1].Name = "objects/00/replaced.dcm"
	gone := index.Object{ID: 99, SHA256: "read"}
	if err := (unread.Objects{Index: x}).Keep(t.Context(), append(summed, gone)); err != nil {
		t.Fatal(err)
	}
	err = x.View(t.Context(), func(tx index.Tx) error {
		for i, want := range []string{"read", "", "known"} {
			if o, err := tx.Object(summed[i].ID); err != nil || o.SHA256 != want {
				t.Errorf("object %d: SHA-256 %q, %v; want %q", i, o.SHA256, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Objects that somebody else has removed, and files that cannot be read, do not keep the others
// from being removed.
func TestSumExpired(t *testing.T) {
	x := index.NewMemory()
	var ids []int64
	err := x.Update(t.Context(), func(tx index.Tx) error {
		for _, instance := range []string{"1.2.1", "1.2.2", "1.2.3"} {
			o := indextest.Object(instance, 1)
			if instance != "1.2.3" {
				o.SHA256 = ""
			}
			id, err := tx.Add(o)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	u := unread.Objects{Index: x, Log: slog.New(slog.DiscardHandler), Read: func(o index.Object, _ func() error) (string, error) {
		if o.SOPInstanceUID == "1.2.2" {
			return "", errors.New("unreadable")
		}
		return "read", nil
	}}
	got, err := u.SumExpired(t.Context(), append([]int64{99}, ids...))
	if want := map[string]string{"objects/00/1.2.1-1.dcm": "read"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// The archive is idle when nothing has happened for some time.
func TestActivity(t *testing.T) {
	var a unread.Activity
	if !a.Idle(time.Hour) {
		t.Error("not idle before anything has happened")
	}
	first, second := a.Begin(), a.Begin()
	first()
	if a.Idle(0) {
		t.Error("idle while an object is received")
	}
	second()
	if !a.Idle(0) || a.Idle(time.Hour) {
		t.Error("not idle at once, or idle for an hour")
	}
}
