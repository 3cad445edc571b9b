package index_test

import (
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/index/indextest"
	"dicomnode/internal/durable/durabletest"
)

// Each commit is synced or not as its caller wants, however they alternate.
func TestSynchronous(t *testing.T) {
	x := open(t, durabletest.Dir(t))
	defer x.Close()
	const normal, full = 1, 2
	for i, synced := range []bool{true, false, false, true, true, false, true} {
		update, want := x.UpdateUnsynced, normal
		if synced {
			update, want = x.Update, full
		}
		err := update(t.Context(), func(tx index.Tx) error {
			var level int
			err := tx.SQL().QueryRow("PRAGMA synchronous").Scan(&level)
			if level != want {
				t.Errorf("update %d: level %d, want %d", i, level, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The log does not grow for ever.
func TestCheckpoints(t *testing.T) {
	dir := durabletest.Dir(t)
	x := open(t, dir)
	defer x.Close()
	var sizes []int64
	for n := range 1000 {
		err := x.UpdateUnsynced(t.Context(), func(tx index.Tx) error {
			_, err := tx.Add(indextest.Object("1.2", n+1))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n%250 == 249 {
			info, err := os.Stat(filepath.Join(dir, index.FileName+"-wal"))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, info.Size())
		}
	}
	if sizes[3] > 2*sizes[0] {
		t.Errorf("the log has %v bytes after each 250 updates", sizes)
	}
}
