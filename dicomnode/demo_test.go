package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dicomnode/segment"
	"dicomnode/trainer/simulate"
)

// The demonstration segments every radiograph, and what it says of their accuracy
// is measured, not hoped for.
func TestDemo(t *testing.T) {
	requireModel(t)
	out := t.TempDir()
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"demo", "--out", out, simulated(t, 1)[0]}, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	overlays, err := filepath.Glob(filepath.Join(out, "*.png"))
	if err != nil || len(overlays) != demoDetector.Count+1 {
		t.Errorf("%d overlays, %v; want %d", len(overlays), err, demoDetector.Count+1)
	}
	accuracies := regexp.MustCompile(`(?m)^dx-1-00000\d\.dcm: ([0-9.]+) % of the pixels`).FindAllStringSubmatch(stdout.String(), -1)
	if len(accuracies) != demoDetector.Count {
		t.Fatalf("%d accuracies, want %d:\n%s", len(accuracies), demoDetector.Count, &stdout)
	}
	for view, a := range accuracies {
		if percent, err := strconv.ParseFloat(a[1], 64); err != nil || percent <= 100*commonest(t, view) || percent > 100 {
			t.Errorf("view %d: accuracy %s %%, %v; one class everywhere gives %.1f %%", view, a[1], err, 100*commonest(t, view))
		}
	}
	segs, err := filepath.Glob(filepath.Join(out, "*.seg.dcm"))
	if err != nil || len(segs) != demoDetector.Count+1 {
		t.Fatalf("%d segmentations, %v", len(segs), err)
	}
	dciodvfy(t, segs[0])
}

// commonest is the share of the class that has most pixels.
func commonest(t *testing.T, view int) float64 {
	t.Helper()
	truth, err := simulate.Truth(simulate.Exposure{Rows: demoDetector.Rows, Columns: demoDetector.Columns, Seed: demoDetector.Seed, View: view})
	if err != nil {
		t.Fatal(err)
	}
	var n [segment.Classes]int
	for _, class := range truth {
		n[class]++
	}
	return float64(slices.Max(n[:])) / float64(len(truth))
}
