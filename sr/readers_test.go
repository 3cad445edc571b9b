package sr_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readers has highdicom and dcmqi parse reports and prints what they find.
const readers = `
import json, os, subprocess, sys, tempfile, highdicom as hd
dcmqi = os.path.join(os.path.dirname(sys.executable), "tid1500reader")
for path in sys.argv[1:]:
    groups = hd.sr.srread(path).content.get_planar_roi_measurement_groups()
    found = []
    for g in groups:
        found.append((g.tracking_identifier, g.finding_type.meaning,
                      {m.name.meaning: m.value for m in g.get_measurements()}, g.tracking_uid))
    with tempfile.TemporaryDirectory() as out:
        file = os.path.join(out, "sr.json")
        subprocess.run([dcmqi, "--inputDICOM", path, "--outputMetadata", file], check=True, capture_output=True)
        measured = json.load(open(file))["Measurements"]
    assert [m["TrackingUniqueIdentifier"] for m in measured] == [f[3] for f in found], "dcmqi finds other groups"
    for m, f in zip(measured, found):
        values = {i["quantity"]["CodeMeaning"]: float(i["value"]) for i in m["measurementItems"]}
        assert values == f[2], "%s: dcmqi reads %s, highdicom %s" % (f[0], values, f[2])
    print("read", os.path.basename(path), [(f[0], f[1], sorted(f[2].items())) for f in found])
`

// TestReaders needs a Python with highdicom and dcmqi, named by HIGHDICOM_PYTHON.
func TestReaders(t *testing.T) {
	python := os.Getenv("HIGHDICOM_PYTHON")
	if python == "" {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal("HIGHDICOM_PYTHON is not set")
		}
		t.Skip("HIGHDICOM_PYTHON is not set")
	}
	args, dir := []string{"-c", readers}, t.TempDir()
	for i, c := range cases {
		r := report(source(t, c.source))
		if c.report != nil {
			c.report(&r)
		}
		b, _ := written(t, r)
		path := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if n := strings.Count(string(out), "read "); err != nil || n != len(cases) {
		t.Fatalf("read %d of %d: %v\n%s", n, len(cases), err, out)
	}
	// "complete", as its segments were given: 0.2 mm × 0.25 mm a pixel.
	want := "('Bone', 'Bone', [('Area', 25.0), ('Fraction of exposed field', 25.0), ('Fractional Probabilistic Segmentation', 0.875), ('Segment pixel count', 500.0)])"
	if first, _, _ := strings.Cut(string(out), "\n"); !strings.Contains(first, want) {
		t.Errorf("have %s\nwant in it %s", first, want)
	}
}
