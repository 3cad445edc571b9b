package index_test

import (
	"testing"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/index/indextest"
)

// What it costs to find that an instance is new, between commits as while receiving: a View of
// versions and tombstones, and Known.
func BenchmarkKnown(b *testing.B) {
	x, err := index.Open(b.Context(), b.TempDir(), free)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := x.Close(); err != nil {
			b.Error(err)
		}
	}()
	var view, known time.Duration
	n := 0
	for b.Loop() {
		n++
		err := x.UpdateUnsynced(b.Context(), func(tx index.Tx) error {
			_, err := tx.Add(indextest.Object("1.2", n))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		err = x.View(b.Context(), func(tx index.Tx) error {
			v, err := tx.Versions("1.2.3")
			if err == nil && len(v) == 0 {
				_, err = tx.TombstonesOf("1.2.3")
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		view += time.Since(begun)
		err = x.UpdateUnsynced(b.Context(), func(tx index.Tx) error {
			return tx.AddTombstone(index.Tombstone{SOPInstanceUID: "1.5", Version: n, At: time.Now()})
		})
		if err != nil {
			b.Fatal(err)
		}
		begun = time.Now()
		if found, err := x.Known(b.Context(), "1.2.3"); err != nil || found {
			b.Fatal(found, err)
		}
		known += time.Since(begun)
	}
	b.ReportMetric(float64(view.Microseconds())/float64(n), "view-us")
	b.ReportMetric(float64(known.Microseconds())/float64(n), "known-us")
	b.ReportMetric(float64(known)/float64(view), "ratio")
}
