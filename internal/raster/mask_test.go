package raster_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/raster"
)

// What is done eight pixels at a time is what is done one by one, for rows of every length and
// from every place.
func TestRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	for n := range 70 {
		for _, share := range []int{0, 1, 50, 99, 100} {
			row, values := make([]bool, n), make([]uint8, n)
			for i := range row {
				if row[i] = random.IntN(100) < share; row[i] {
					values[i] = 7
				}
			}
			checkRow(t, row)
			var again []bool
			raster.Stretched(values, func(v uint8, from, to int) {
				if from >= to || v != values[from] || from > 0 && v == values[from-1] {
					t.Errorf("%v: %d from %d to %d", values, v, from, to)
				}
				again = append(again, slices.Repeat([]bool{v == 7}, to-from)...)
			})
			if !slices.Equal(again, row) {
				t.Errorf("stretches of %v are %v", row, again)
			}
		}
	}
	long := make([]bool, 10_000)
	raster.Set(long)
	if raster.Count(long) != len(long) || slices.Contains(long, false) {
		t.Error("not all is set")
	}
}

func checkRow(t *testing.T, row []bool) {
	t.Helper()
	count := 0
	for i, in := range row {
		if in {
			count++
		}
		set, open := i, i
		for set < len(row) && !row[set] {
			set++
		}
		for open < len(row) && row[open] {
			open++
		}
		if raster.NextSet(row, i) != set || raster.NextClear(row, i) != open {
			t.Errorf("%v: from %d on %d and %d, want %d and %d", row, i, raster.NextSet(row, i), raster.NextClear(row, i), set, open)
		}
	}
	if raster.Count(row) != count {
		t.Errorf("%v: %d, want %d", row, raster.Count(row), count)
	}
	longest, all := raster.Stretches(row)
	if slices.Contains(row[longest.From:longest.To], false) {
		t.Errorf("%v: %v is not set", row, longest)
	}
	if count > 0 && (all.From != slices.Index(row, true) || raster.NextSet(row, all.To) != len(row) || !row[all.To-1]) {
		t.Errorf("%v: all of it in %v", row, all)
	}
	if count == 0 && longest.To > longest.From {
		t.Errorf("%v: %v is set", row, longest)
	}
}
