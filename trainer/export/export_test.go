package export_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/review"
	"dicomnode/trainer/simulate"
)

// thirds predicts open beam, soft tissue and bone by brightness.
type thirds struct{}

func (thirds) Predict(_ context.Context, x []float32) ([]float32, error) {
	n := picture.Side * picture.Side
	out := make([]float32, picture.Classes*n)
	for i, v := range x {
		class := 0
		if v < .3 {
			class = 1
		}
		if v < -.2 {
			class = 2
		}
		out[class*n+i] = 1
	}
	return out, nil
}

// patients writes simulated radiographs of several patients to a folder.
func patients(t *testing.T, n int) string {
	t.Helper()
	sim, out := t.TempDir(), filepath.Join(t.TempDir(), "Kanarienvogel-Klinik")
	if err := simulate.Run(context.Background(), simulate.Options{Count: n, Seed: 9, Size: 96, Out: sim, Presentation: true, Workers: 2}, nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(sim, "dicom", "*.dcm"))
	if err != nil || len(files) != n {
		t.Fatalf("%d simulated objects, want %d: %v", len(files), n, err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		who := i / 2
		o.PutText(0x00100010, "PN", fmt.Sprintf("Vogelsang%d^Kanarina", who))
		o.PutText(0x00100020, "LO", fmt.Sprintf("KH-%06d", 770000+who))
		o.PutText(0x00100030, "DA", "19570304")
		o.PutText(0x0020000D, "UI", fmt.Sprintf("1.2.826.0.1.3680043.8.498.55.%d", who))
		o.PutText(0x00081030, "LO", "Knie nach Sturz, Dr. Kanarienfreund")
		o.PutText(0x00080080, "LO", "Kanarienvogel-Klinik")
		o.PutText(0x00080020, "DA", "20260103")
		var w bytes.Buffer
		if err := o.Write(&w); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, fmt.Sprintf("vogelsang_%d_%d.dcm", who, i)), w.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func options(source, out string) export.Options {
	return export.Options{
		Out: out, Source: export.Folders{source}, Project: "TEST", Formats: export.Formats, BurnedIn: export.KeepText,
		Deidentify: deidentify.Options{Key: deidentify.Key{7}, Version: "test"}, Pipeline: &segment.Pipeline{Predictor: thirds{}},
	}
}

// tree returns the digests of the files of a folder, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func differences(a, b map[string]string) (out []string) {
	for path, sum := range a {
		if b[path] != sum {
			out = append(out, path)
		}
	}
	for path := range b {
		if a[path] == "" {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func run(t *testing.T, opt export.Options) *export.Report {
	t.Helper()
	r, err := export.Run(context.Background(), opt)
	if err != nil {
		t.Fatalf("%v\n%+v", err, r)
	}
	return r
}

// All formats are written, valid for their readers, and contain nothing of the originals.
func TestFormats(t *testing.T) {
	source, out := patients(t, 6), filepath.Join(t.TempDir(), "set")
	r := run(t, options(source, out))
	if r.Images != 6 || r.Patients != 3 || len(r.Refused) > 0 {
		t.Errorf("%+v, want 6 images of 3 patients", r)
	}
	files := tree(t, out)
	for prefix, want := range map[string]int{"dicom/": 6, "images/": 6, "labels/": 6, "tiff/": 6, "nnunet/Dataset001_Radiographs/imagesTr/": 6,
		"nnunet/Dataset001_Radiographs/labelsTr/": 6, "dataset.csv": 1, "monai.json": 1, "manifest.jsonl": 1, "README.md": 1, "LICENCE.txt": 1, "project.json": 1} {
		n := 0
		for path := range files {
			if strings.HasPrefix(path, prefix) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d files %s, want %d", n, prefix, want)
		}
	}
	for path := range files {
		b, err := os.ReadFile(filepath.Join(out, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"ogelsang", "anari", "770000", "1957", "20260103", "8.498.55"} {
			if bytes.Contains(b, []byte(secret)) || strings.Contains(path, secret) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
	}
	report, err := dataset.Check(context.Background(), out, 2, nil)
	if err != nil || report.Count(dataset.Wrong) > 0 || report.Images != 6 || report.Patients != 3 {
		t.Errorf("dataset check: %v, %+v", err, report)
	}
	if _, err := os.Stat(out + ".work"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the work folder stays: %v", err)
	}
}

// Runs with different numbers of objects and threads at a time, and with an interruption, give
// the same bytes.
func TestDeterministic(t *testing.T) {
	source := patients(t, 6)
	var first map[string]string
	for _, workers := range []int{1, 3} {
		opt := options(source, filepath.Join(t.TempDir(), "set"))
		opt.Workers = workers
		threads := runtime.GOMAXPROCS(workers)
		run(t, opt)
		runtime.GOMAXPROCS(threads)
		if got := tree(t, opt.Out); first == nil {
			first = got
		} else if d := differences(first, got); len(d) > 0 {
			t.Errorf("%d workers: %v differ", workers, d)
		}
	}
	for stop := range 6 {
		opt := options(source, filepath.Join(t.TempDir(), "set"))
		ctx, cancel := context.WithCancel(context.Background())
		opt.Workers = 1
		opt.Progress = func(done, _ int) {
			if done == stop+1 {
				cancel()
			}
		}
		_, err := export.Run(ctx, opt)
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		opt.Progress = nil
		run(t, opt)
		if d := differences(first, tree(t, opt.Out)); len(d) > 0 {
			t.Errorf("interrupted after %d: %v differ", stop+1, d)
		}
	}
}

// With another key no pseudonym or UID is the same.
func TestOtherKey(t *testing.T) {
	source := patients(t, 4)
	a, b := options(source, filepath.Join(t.TempDir(), "a")), options(source, filepath.Join(t.TempDir(), "b"))
	b.Deidentify.Key = deidentify.Key{8}
	run(t, a)
	run(t, b)
	ra, err := export.ReadManifest(a.Out)
	if err != nil {
		t.Fatal(err)
	}
	rb, err := export.ReadManifest(b.Out)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range ra {
		for _, v := range []string{r.ID, r.Patient, r.Study, r.Series, r.Instance, r.Project} {
			seen[v] = true
		}
	}
	for _, r := range rb {
		for _, v := range []string{r.ID, r.Patient, r.Study, r.Series, r.Instance, r.Project} {
			if seen[v] {
				t.Errorf("both keys give %s", v)
			}
		}
	}
	b.Out = a.Out
	if _, err := export.Run(context.Background(), b); !errors.Is(err, export.ErrOtherKey) {
		t.Errorf("another key on the same set: %v, want ErrOtherKey", err)
	}
}

// A set can be extended without changing its files, and reduced by revocation.
func TestExtendAndRevoke(t *testing.T) {
	source, out := patients(t, 6), filepath.Join(t.TempDir(), "set")
	files, err := filepath.Glob(filepath.Join(source, "*.dcm"))
	if err != nil || len(files) != 6 {
		t.Fatal(files, err)
	}
	opt := options(source, out)
	opt.Source = export.Folders(files[:4])
	run(t, opt)
	before := tree(t, out)
	opt.Source = export.Folders{source}
	if r := run(t, opt); r.Kept != 4 {
		t.Errorf("%d kept, want 4", r.Kept)
	}
	after := tree(t, out)
	for path, sum := range before {
		if strings.Contains(path, "/") && !strings.HasSuffix(path, ".json") && after[path] != sum {
			t.Errorf("%s changed", path)
		}
	}
	all, err := export.ReadManifest(out)
	if err != nil || len(all) != 6 {
		t.Fatalf("%d records, want 6: %v", len(all), err)
	}
	var who string
	for _, r := range all {
		who = r.Patient
	}
	removed, err := export.Revoke(out, []string{who})
	if err != nil || len(removed) != 2*6 {
		t.Errorf("%d files removed, want 12: %v", len(removed), err)
	}
	for path := range tree(t, out) {
		b, _ := os.ReadFile(filepath.Join(out, path))
		if strings.Contains(path, who) || bytes.Contains(b, []byte(who)) {
			t.Errorf("%s still names the patient", path)
		}
	}
	if _, err := export.Revoke(out, []string{"nobody"}); err == nil {
		t.Error("revoking nobody is no error")
	}
}

// Pictures wait for review, each gets a decision, and only approved ones are exported.
func TestReview(t *testing.T) {
	source, out := patients(t, 4), filepath.Join(t.TempDir(), "set")
	opt := options(source, out)
	opt.ReviewAll, opt.Formats = true, []export.Format{export.DICOM}
	r, err := export.Run(context.Background(), opt)
	if !errors.Is(err, export.ErrPending) || r.Pending != 4 {
		t.Fatalf("%v, %d pending, want ErrPending and 4", err, r.Pending)
	}
	if len(tree(t, out+".work")) < 8 {
		t.Error("no pictures to look at")
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the set is there before the review: %v", err)
	}
	dir := export.ReviewDir(out + ".work")
	waiting, err := review.List(dir)
	if err != nil || len(waiting) != 4 {
		t.Fatal(waiting, err)
	}
	for i, w := range waiting {
		d := review.Decision{ID: w.ID, Verdict: review.Keep, Boxes: w.Boxes}
		if i == 0 {
			d.Verdict = review.Reject
		}
		if err := review.Decide(dir, d); err != nil {
			t.Fatal(err)
		}
	}
	r = run(t, opt)
	if r.Rejected != 1 || r.Images != 3 {
		t.Errorf("%d rejected, %d images, want 1 and 3", r.Rejected, r.Images)
	}
	all, err := export.ReadManifest(out)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for _, rec := range all {
		b, err := os.ReadFile(filepath.Join(out, "dicom", rec.Patient, rec.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if !rec.BurnedIn.Reviewed || o.First(0x00280301) != "NO" || !bytes.Contains(b, []byte("113101")) {
			t.Errorf("%s was approved and does not say so", rec.ID)
		}
	}
	if _, err := os.Stat(out + ".work"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something of the review stays: %v", err)
	}
}

// Objects that cannot be exported are counted by reason, and a study with two patients stops
// the export.
func TestRefusals(t *testing.T) {
	source := patients(t, 4)
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	changed(t, files[0], func(o *object.Object) { o.PutText(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1") })
	if err := os.WriteFile(filepath.Join(source, "notes.txt"), []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	opt := options(source, filepath.Join(t.TempDir(), "set"))
	r := run(t, opt)
	if r.Images != 3 || len(r.Refused) != 2 {
		t.Errorf("%d images, refused %v; want 3 and two reasons", r.Images, r.Refused)
	}
	changed(t, files[2], func(o *object.Object) { o.PutText(0x00100020, "LO", "KH-OTHER1") })
	opt.Out = filepath.Join(t.TempDir(), "mixed")
	if _, err := export.Run(context.Background(), opt); !errors.Is(err, export.ErrMixedPatients) {
		t.Errorf("a study of two patients: %v, want ErrMixedPatients", err)
	}
}

// changed modifies the object in a file.
func changed(t *testing.T, path string, f func(o *object.Object)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	f(o)
	var w bytes.Buffer
	if err := o.Write(&w); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, w.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A leaked value stops the whole export, and nothing of it is left.
func TestLeakStops(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	opt := options(source, out)
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	changed(t, files[0], func(o *object.Object) {
		pixels := o.Find(object.PixelData)
		pixels.Value = bytes.Clone(pixels.Value)
		copy(pixels.Value[2000:], "Kanarienvogel-Klinik")
	})
	r, err := export.Run(context.Background(), opt)
	if !errors.Is(err, export.ErrLeak) || len(r.Hits) == 0 {
		t.Fatalf("%v, %d hits, want ErrLeak", err, len(r.Hits))
	}
	if strings.Contains(fmt.Sprint(r.Hits), "Kanarien") {
		t.Errorf("the report quotes the value: %v", r.Hits)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the set is there: %v", err)
	}
}

// Pixels are unchanged in all encodings that can be decoded.
func TestPixelsStay(t *testing.T) {
	for _, name := range []string{"RG3_UNC.dcm", "RG3_BigEndian.dcm", "RG3_ImplicitLE.dcm", "RG3_Deflated.dcm", "RG3_RLE.dcm"} {
		opt := options(dicomtest.Shared(t, "dicom", name), filepath.Join(t.TempDir(), "set"))
		opt.Formats = []export.Format{export.DICOM}
		run(t, opt)
		all, err := export.ReadManifest(opt.Out)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		for _, r := range all {
			b, err := os.ReadFile(filepath.Join(opt.Out, "dicom", r.Patient, r.ID+".dcm"))
			if err != nil {
				t.Fatal(err)
			}
			before, after := samples(t, dicomtest.Shared(t, "dicom", name), nil), samples(t, "", b)
			if !slices.Equal(before, after) {
				t.Errorf("%s: pixels differ", name)
			}
		}
	}
}
