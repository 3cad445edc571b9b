package demo

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/segment/picture"
	"dicomnode/trainer/simulate"
)

// The demonstration segments every radiograph, and what it says of their accuracy
// is measured, not hoped for.
func TestDemo(t *testing.T) {
	nodetest.RequireModel(t)
	out := t.TempDir()
	detector := nodetest.Detector
	detector.Count, detector.Darks = 3, 3
	other := simulate.DXOptions{Out: t.TempDir(), Seed: 1, Count: 1, Rows: 256, Columns: 256} // a file of the same name
	own, _, err := simulate.RunDX(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	var stdout strings.Builder
	o := Options{Inputs: own, Out: out, Detector: detector, Version: "test", Log: slog.New(slog.DiscardHandler), Print: &stdout}
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	overlays, err := filepath.Glob(filepath.Join(out, "*.png"))
	if err != nil || len(overlays) != detector.Count+1 {
		t.Errorf("%d overlays, %v; want %d", len(overlays), err, detector.Count+1)
	}
	if strings.Contains(stdout.String(), "QUALITY") { // masks do not tell it
		t.Errorf("a quality nobody measured:\n%s", &stdout)
	}
	accuracies := regexp.MustCompile(`(?m)^dx-1-00000\d\.dcm: ([0-9.]+) % of the pixels`).FindAllStringSubmatch(stdout.String(), -1)
	if len(accuracies) != detector.Count {
		t.Fatalf("%d accuracies, want %d:\n%s", len(accuracies), detector.Count, &stdout)
	}
	for view, a := range accuracies {
		if percent, err := strconv.ParseFloat(a[1], 64); err != nil || percent <= 100*commonest(t, detector, view) || percent > 100 {
			t.Errorf("view %d: accuracy %s %%, %v; one class everywhere gives %.1f %%", view, a[1], err, 100*commonest(t, detector, view))
		}
	}
	segs, err := filepath.Glob(filepath.Join(out, "*.seg.dcm"))
	if err != nil || len(segs) != detector.Count+1 {
		t.Fatalf("%d segmentations, %v", len(segs), err)
	}
	nodetest.Dciodvfy(t, segs[0])
}

// commonest is the share of the class that has most pixels.
func commonest(t *testing.T, o simulate.DXOptions, view int) float64 {
	t.Helper()
	truth, err := simulate.Truth(simulate.Exposure{Rows: o.Rows, Columns: o.Columns, Seed: o.Seed, View: view})
	if err != nil {
		t.Fatal(err)
	}
	var n [picture.Classes]int
	for _, class := range truth {
		n[class]++
	}
	return float64(slices.Max(n[:])) / float64(len(truth))
}
