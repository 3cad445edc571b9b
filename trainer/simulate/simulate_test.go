package simulate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate"
)

func run(t *testing.T, o simulate.Options) string {
	t.Helper()
	if o.Out == "" {
		o.Out = t.TempDir()
	}
	if err := simulate.Run(context.Background(), o, nil); err != nil {
		t.Fatal(err)
	}
	return o.Out
}

func digest(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	for _, pattern := range []string{"dataset.csv", "images/*.png", "labels/*.png"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(h, filepath.Base(f))
			h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestRunDependsOnSeedAndIndexOnly(t *testing.T) {
	a := digest(t, run(t, simulate.Options{Count: 10, Seed: 7, Size: 96, Workers: 1}))
	b := digest(t, run(t, simulate.Options{Count: 10, Seed: 7, Size: 96, Workers: 4}))
	c := digest(t, run(t, simulate.Options{Count: 10, Seed: 8, Size: 96, Workers: 4}))
	if a != b {
		t.Error("one and four workers differ")
	}
	if a == c {
		t.Error("seeds 7 and 8 agree")
	}
}

func TestRunResumes(t *testing.T) {
	whole := run(t, simulate.Options{Count: 9, Seed: 3, Size: 80})
	want := digest(t, whole)
	if err := os.Remove(filepath.Join(whole, "images", "sim-3-000005.png")); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(whole, "labels", "sim-3-000002.png")
	before, err := os.Stat(kept)
	if err != nil {
		t.Fatal(err)
	}
	run(t, simulate.Options{Count: 9, Seed: 3, Size: 80, Out: whole})
	after, err := os.Stat(kept)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a complete sample was written again")
	}
	if digest(t, whole) != want {
		t.Error("the resumed folder differs from the uninterrupted one")
	}
}

func TestRunBalancesClasses(t *testing.T) {
	dir := run(t, simulate.Options{Count: 40, Seed: 1, Size: 100})
	f, err := os.Open(filepath.Join(dir, "dataset.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 41 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var n [256]float64
	for _, r := range rows[1:] {
		for _, l := range pixels(t, filepath.Join(dir, r[2])) {
			n[l]++
		}
	}
	total := n[0] + n[1] + n[2]
	for l, least := range []float64{.2, .1, .05} {
		if n[l]/total < least {
			t.Errorf("class %d has %.3f of the pixels, want at least %.2f", l, n[l]/total, least)
		}
	}
	if total+n[255] != 0 && n[0]+n[1]+n[2]+n[255] != sum(n[:]) {
		t.Error("labels other than 0, 1, 2, 255")
	}
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

func pixels(t *testing.T, path string) []uint8 {
	t.Helper()
	return decoded(t, path).(*image.Gray).Pix
}

func decoded(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRunRefusesOptions(t *testing.T) {
	for _, o := range []simulate.Options{{}, {Count: 1}, {Count: 1, Out: "x", Size: 5000}, {Count: -1, Out: "x"}} {
		if simulate.Run(context.Background(), o, nil) == nil {
			t.Errorf("accepted %+v", o)
		}
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := simulate.Run(ctx, simulate.Options{Count: 4, Size: 64, Out: t.TempDir()}, nil); err == nil {
		t.Error("a cancelled run reported success")
	}
}

// A run continues only in its own folder.
func TestRunRefusesOtherFolders(t *testing.T) {
	dir := run(t, simulate.Options{Count: 4, Seed: 7, Size: 64})
	want := digest(t, dir)
	for name, o := range map[string]simulate.Options{
		"seed": {Count: 4, Seed: 8, Size: 64, Out: dir},
		"size": {Count: 4, Seed: 7, Size: 80, Out: dir},
	} {
		if err := simulate.Run(context.Background(), o, nil); !errors.Is(err, simulate.ErrOther) {
			t.Errorf("another %s: got %v, want ErrOther", name, err)
		}
	}
	if digest(t, dir) != want {
		t.Error("a refused run changed the folder")
	}
	mine := t.TempDir()
	table := strings.Join(dataset.Columns, ",") + "\nhand,images/hand.png,labels/hand.png,hand,air_dark,,0,us\n"
	if err := os.WriteFile(filepath.Join(mine, dataset.Table), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	before := t.TempDir() // of a simulator that did not record its version
	if err := os.WriteFile(filepath.Join(before, "simulate.json"), []byte(`{"seed": 7, "size": 64}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if v, err := simulate.VersionOf(before); v != 1 || err != nil {
		t.Errorf("version %d, %v of an earlier simulator; want 1", v, err)
	}
	if v, err := simulate.VersionOf(dir); v != simulate.Version || err != nil {
		t.Errorf("version %d, %v; want %d", v, err, simulate.Version)
	}
	if v, err := simulate.VersionOf(mine); v != 0 || err != nil {
		t.Errorf("version %d, %v of a folder that is not simulated; want 0", v, err)
	}
	if err := simulate.Run(context.Background(), simulate.Options{Count: 4, Seed: 7, Size: 64, Out: mine}, nil); !errors.Is(err, simulate.ErrOther) {
		t.Errorf("a table of others: got %v, want ErrOther", err)
	}
	if names, err := os.ReadDir(mine); err != nil || len(names) != 1 {
		t.Errorf("a folder of others holds %v, %v; want its table alone", names, err)
	}
}

// All samples of a view show one patient; a split that was edited stays.
func TestRunKeepsSplitAndPatients(t *testing.T) {
	dir := run(t, simulate.Options{Count: 8, Seed: 7, Size: 64})
	read := func() []dataset.Item {
		f, err := dataset.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		patients := map[string]int{}
		for _, it := range f.Items {
			patients[f.Extra(it, dataset.PatientColumn)]++
		}
		if len(patients) != simulate.Views(len(f.Items)) || patients[""] != 0 {
			t.Errorf("%d samples of patients %v, want one for each view", len(f.Items), patients)
		}
		return f.Items
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Items {
		f.Items[i].Split, f.Items[i].Difficult = dataset.Test, i == 2
	}
	if err := errors.Join(f.Save(), f.Close()); err != nil {
		t.Fatal(err)
	}
	run(t, simulate.Options{Count: 12, Seed: 7, Size: 64, Out: dir})
	for i, it := range read() {
		if got, want := it.Split == dataset.Test, i < 8; got != want {
			t.Errorf("sample %d is in split %q", i, it.Split)
		}
		if it.Difficult != (i == 2) {
			t.Errorf("sample %d is difficult: %v", i, it.Difficult)
		}
	}
}

// The exposed field is written beside the pictures and does not change them.
func TestRunWritesFields(t *testing.T) {
	o := simulate.Options{Count: 8, Seed: 2, Size: 80}
	plain := run(t, o)
	o.Field = true
	fielded := run(t, o)
	for _, pattern := range []string{"images", "labels"} {
		for i := range o.Count {
			name := filepath.Join(pattern, fmt.Sprintf("sim-2-%06d.png", i))
			a, errA := os.ReadFile(filepath.Join(plain, name))
			b, errB := os.ReadFile(filepath.Join(fielded, name))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs: %v, %v", name, errA, errB)
			}
		}
	}
	f, err := dataset.Open(fielded)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in, out int
	for _, it := range f.Items {
		label, err := f.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		field, err := f.LoadField(it)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range field.Label {
			if v == dataset.Unexposed {
				out++
				if label.Label[i] != dataset.Ignore {
					t.Fatalf("%s: an unexposed pixel is labelled %d", it.ID, label.Label[i])
				}
				continue
			}
			in++
		}
	}
	if in == 0 || out == 0 {
		t.Errorf("%d pixels exposed, %d not", in, out)
	}
}
