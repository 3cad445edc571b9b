package archive_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"dicomnode/internal/archive/store"
)

// tally is a row of the table of faults: what was injected, and what resulted.
type tally struct {
	name                                                      string
	injected, lost, duplicated, damaged, falseSuccess, silent int
}

func (f *tally) add(o tally) {
	f.injected, f.lost, f.duplicated = f.injected+o.injected, f.lost+o.lost, f.duplicated+o.duplicated
	f.damaged, f.falseSuccess, f.silent = f.damaged+o.damaged, f.falseSuccess+o.falseSuccess, f.silent+o.silent
}

func (f tally) bad() int { return f.lost + f.duplicated + f.damaged + f.falseSuccess + f.silent }

// TestFaults injects faults of every kind and counts objects that were lost, duplicated,
// damaged or falsely acknowledged, and faults that were not reported: all must be 0. FAULTS
// sets the total number of faults; every test run injects a small number.
func TestFaults(t *testing.T) {
	t.Parallel() // it waits most of the time
	total := 60
	if s := os.Getenv("FAULTS"); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	type kind struct {
		name  string
		share float64 // of all faults
		run   func(t *testing.T, n int) tally
	}
	kinds := []kind{
		{"errors of the disk (EIO)", 0.34, func(t *testing.T, n int) tally { return errorFaults(t, n, syscall.EIO) }},
		{"no space (ENOSPC)", 0.20, func(t *testing.T, n int) tally { return errorFaults(t, n, store.ErrFull) }},
		{"kills at an operation", 0.06, killFaults},
		{powerCuts, 0.05, powerFaults},
		{"index lost, old or cut", 0.05, func(t *testing.T, n int) tally { return indexFaults(t, n, loseIndex) }},
		{"bytes of the index inverted", 0.08, func(t *testing.T, n int) tally { return indexFaults(t, n, flipIndex) }},
		{"objects missing, cut or flipped", 0.10, objectFaults},
		{"the same instance again", 0.07, repeatFaults},
		{"hostile data sets", 0.05, hostileFaults},
	}
	if os.Getenv("FAULTS") == "" && !tracing(t) {
		kinds = slices.DeleteFunc(kinds, func(k kind) bool { return k.name == powerCuts })
	}
	found := make([]tally, len(kinds))
	for i, k := range kinds {
		found[i].name = k.name
	}
	var mu sync.Mutex
	t.Run("rounds", func(t *testing.T) {
		for left := total; left > 0; left -= faultRound {
			t.Run("round", func(t *testing.T) {
				t.Parallel() // it waits for retries most of the time
				for i, k := range kinds {
					f := k.run(t, max(1, int(k.share*float64(min(left, faultRound))+0.5)))
					mu.Lock()
					found[i].add(f)
					mu.Unlock()
				}
				mu.Lock()
				defer mu.Unlock()
				t.Logf("\n%s", faultTable(found))
			})
		}
	})
	for _, f := range found {
		if f.injected == 0 {
			t.Errorf("%s: none was injected", f.name)
		}
		if f.bad() > 0 {
			t.Errorf("%s: %+v", f.name, f)
		}
	}
}

const powerCuts = "power cuts"

// faultRound is the number of faults on the same archive, whose cost grows with its content.
// The table so far is logged at the end of each.
const faultRound = 300

// faultTable formats the table of the documentation.
func faultTable(found []tally) string {
	sum := tally{name: "all"}
	for _, f := range found {
		sum.add(f)
	}
	var table strings.Builder
	table.WriteString("| fault | injected | lost | duplicated | damaged | false Success | silent |\n|---|---|---|---|---|---|---|\n")
	for _, f := range append(found[:len(found):len(found)], sum) {
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d | %d |\n", f.name, f.injected, f.lost, f.duplicated, f.damaged, f.falseSuccess, f.silent)
	}
	return table.String()
}
