package augment_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/augment"
	"dicomnode/trainer/dataset"
)

// source writes a data set: three hands, one knee, one knee to validate.
func source(t *testing.T) *dataset.Folder {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir, dataset.PatientColumn)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i, part := range []string{"hand", "hand", "hand", "knee", "knee"} {
		img, label := image.NewGray(image.Rect(0, 0, 60, 40+10*i)), image.NewGray(image.Rect(0, 0, 60, 40+10*i))
		for k := range img.Pix {
			class := uint8(k % 60 / 20)
			img.Pix[k], label.Pix[k] = 220-90*class+uint8(r.IntN(20)), class
		}
		it := dataset.Item{ID: fmt.Sprintf("i%d", i), BodyPart: part, Polarity: dataset.AirBright, Split: dataset.Train,
			Source: "s", Extra: []string{fmt.Sprintf("p%d", i)}}
		if i == 4 {
			it.Split = dataset.Validation
		}
		if err := w.Add(it, img, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func open(t *testing.T, dir string) *dataset.Folder {
	t.Helper()
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func options(out string) augment.Options {
	return augment.Options{Out: out, PerBodyPart: 10, Size: 64, Seed: 3, Variation: augment.DefaultVariation}
}

func run(t *testing.T, f *dataset.Folder, opt augment.Options) *augment.Result {
	t.Helper()
	res, err := augment.Run(context.Background(), f, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// files are the bytes of everything below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun(t *testing.T) {
	f, out := source(t), filepath.Join(t.TempDir(), "out")
	res := run(t, f, options(out))
	if res.Images != 20 || res.Kept != 0 || fmt.Sprint(res.Parts) != "[{hand 3 10} {knee 1 10}]" {
		t.Errorf("result %+v", res)
	}
	made := open(t, out)
	origins := map[string]int{}
	for _, it := range made.Items {
		origin := made.Extra(it, dataset.OriginColumn)
		origins[origin]++
		if it.Split != dataset.Train || made.Extra(it, dataset.PatientColumn) != "p"+origin[1:] {
			t.Errorf("row %+v", it)
		}
	}
	if origins["i3"] != 10 || origins["i4"] != 0 || max(origins["i0"], origins["i1"], origins["i2"]) != 4 {
		t.Errorf("pictures by origin: %v", origins)
	}
	r, err := dataset.Check(context.Background(), out, 0, nil)
	if err != nil || len(r.Problems) != 2 { // no val and no test; two equal pictures would be a third
		t.Errorf("the folder has problems: %+v, %v", r.Problems, err)
	}
}

// The pictures depend on the seed, and neither on the number of workers nor on
// interruptions.
func TestReproducible(t *testing.T) {
	f := source(t)
	one, many, other := options(t.TempDir()), options(t.TempDir()), options(t.TempDir())
	one.Workers, many.Workers, other.Seed = 1, 7, 4
	run(t, f, one)
	want := files(t, one.Out)
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := augment.Run(ctx, f, many, func(done, _ int) {
		if done == 6 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if _, err := os.Stat(filepath.Join(many.Out, dataset.Table)); err == nil {
		t.Error("an interrupted run has a table")
	}
	if res := run(t, f, many); res.Kept < 6 || res.Kept == 20 {
		t.Errorf("the second run kept %d pictures", res.Kept)
	}
	if !maps.Equal(files(t, many.Out), want) {
		t.Error("seven workers and an interruption give other files than one worker")
	}
	if res := run(t, f, many); res.Kept != 20 {
		t.Errorf("a complete folder: %+v", res)
	}
	run(t, f, other)
	if got := files(t, other.Out); got["/images/i0-0001.png"] == want["/images/i0-0001.png"] || got["/images/i0-0000.png"] != want["/images/i0-0000.png"] {
		t.Error("another seed must change the varied pictures and no original")
	}
}

func TestRefused(t *testing.T) {
	f := source(t)
	done := options(t.TempDir())
	run(t, f, done)
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, dataset.Table), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*augment.Options)
		want   error
	}{
		"other seed":   {func(o *augment.Options) { o.Seed++ }, augment.ErrOther},
		"other folder": {func(o *augment.Options) { o.Out = foreign }, dataset.ErrExists},
		"no split":     {func(o *augment.Options) { o.Splits = []string{dataset.Test} }, augment.ErrEmpty},
		"all excluded": {func(o *augment.Options) { o.Exclude = []string{"i*"} }, augment.ErrEmpty},
		"no pictures":  {func(o *augment.Options) { o.PerBodyPart = 0 }, augment.ErrOptions},
		"small":        {func(o *augment.Options) { o.Size = 10 }, augment.ErrOptions},
		"strong":       {func(o *augment.Options) { o.Variation.Crop = 0.95 }, augment.ErrOptions},
		"not a number": {func(o *augment.Options) { o.Variation.Elastic = nan() }, augment.ErrOptions},
	} {
		opt := done
		c.change(&opt)
		if _, err := augment.Run(context.Background(), f, opt, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func TestMissingPicture(t *testing.T) {
	f, opt := source(t), options(t.TempDir())
	if err := os.Remove(filepath.Join(f.Dir, "labels", "i0.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := augment.Run(context.Background(), f, opt, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that of the missing file", err)
	}
	if _, err := os.Stat(filepath.Join(opt.Out, dataset.Table)); err == nil {
		t.Error("a run with an error left a table")
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// An id from another table must not name a file elsewhere.
func TestHostileID(t *testing.T) {
	f := source(t)
	for i, id := range []string{"../../x", "a/b", "a_b", "..", strings.Repeat("ü", 200)} {
		f.Items[i].ID, f.Items[i].Split = id, dataset.Train
	}
	opt := options(t.TempDir())
	res := run(t, f, opt)
	made := open(t, opt.Out)
	if len(made.Items) != res.Images {
		t.Errorf("%d rows, want %d", len(made.Items), res.Images)
	}
	for name := range files(t, opt.Out) {
		if strings.Count(name, "/") > 2 {
			t.Errorf("file %s", name)
		}
	}
}
