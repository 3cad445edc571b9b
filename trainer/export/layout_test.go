package export_test

import (
	"encoding/csv"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
)

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readPNG(t *testing.T, path string) image.Image {
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

// The layouts are accepted by nnU-Net v2 (documentation/reference/dataset-format.md,
// label_handling.py) and MONAI's load_decathlon_datalist.
func TestLayouts(t *testing.T) {
	source, out := patients(t, 6), filepath.Join(t.TempDir(), "set")
	run(t, options(source, out))
	all, err := export.ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("nnU-Net", func(t *testing.T) { nnunet(t, filepath.Join(out, "nnunet", "Dataset001_Radiographs"), all) })
	t.Run("MONAI", func(t *testing.T) { monai(t, out, all) })
}

func nnunet(t *testing.T, dir string, all map[string]export.Record) {
	var about struct {
		Channels    map[string]string `json:"channel_names"`
		Labels      map[string]int    `json:"labels"`
		NumTraining int               `json:"numTraining"`
		FileEnding  string            `json:"file_ending"`
	}
	readJSON(t, filepath.Join(dir, "dataset.json"), &about)
	var values []int
	for _, v := range about.Labels {
		values = append(values, v)
	}
	slices.Sort(values)
	if about.Labels["background"] != 0 || about.Labels["ignore"] != len(values)-1 || !slices.Equal(values, []int{0, 1, 2, 3}) {
		t.Errorf("labels %v: want 0 background, consecutive, ignore the highest", about.Labels)
	}
	if len(about.Channels) != 1 || about.Channels["0"] == "" || strings.EqualFold(about.Channels["0"], "CT") || about.FileEnding != ".png" || about.NumTraining != len(all) {
		t.Errorf("dataset.json %+v for %d images", about, len(all))
	}
	for id := range all {
		grey, ok := readPNG(t, filepath.Join(dir, "imagesTr", id+"_0000.png")).(*image.Gray16)
		label, ok2 := readPNG(t, filepath.Join(dir, "labelsTr", id+".png")).(*image.Gray)
		if !ok || !ok2 || grey.Rect != label.Rect {
			t.Errorf("%s: want 16 bits grey and a label of 8 bits and the same size", id)
			continue
		}
		if highest := slices.Max(label.Pix); int(highest) > 3 {
			t.Errorf("%s: label %d", id, highest)
		}
	}
	var splits []struct{ Train, Val []string }
	readJSON(t, filepath.Join(dir, "splits_final.json"), &splits)
	seen := map[string]int{}
	for k, s := range splits {
		if len(s.Train)+len(s.Val) != len(all) {
			t.Errorf("fold %d has %d of %d images", k, len(s.Train)+len(s.Val), len(all))
		}
		for _, v := range s.Val {
			seen[v]++
			for _, tr := range s.Train {
				if all[v].Patient == all[tr].Patient {
					t.Errorf("fold %d: a patient is on both sides", k)
				}
			}
		}
	}
	for id := range all {
		if seen[id] != 1 {
			t.Errorf("%s is validated in %d folds, want one", id, seen[id])
		}
	}
}

func monai(t *testing.T, dir string, all map[string]export.Record) {
	var list struct {
		Training []struct {
			Image, Label string
			Fold         *int
		}
		Validation, Test []any
		Labels           map[string]string
	}
	readJSON(t, filepath.Join(dir, "monai.json"), &list)
	folds := map[string]int{}
	for _, e := range list.Training {
		id := strings.TrimSuffix(filepath.Base(e.Image), ".png")
		rec, known := all[id]
		if !known || e.Fold == nil || !filepath.IsLocal(e.Image) || !filepath.IsLocal(e.Label) {
			t.Fatalf("entry %+v", e)
		}
		if a, b := readPNG(t, filepath.Join(dir, e.Image)), readPNG(t, filepath.Join(dir, e.Label)); a.Bounds() != b.Bounds() {
			t.Errorf("%s: image and label differ in size", id)
		}
		if fold, ok := folds[rec.Patient]; ok && fold != *e.Fold {
			t.Error("a patient is in two folds")
		}
		folds[rec.Patient] = *e.Fold
	}
	if len(list.Training) != len(all) || list.Validation == nil || list.Test == nil || list.Labels["255"] != "ignore" {
		t.Errorf("%d entries, labels %v", len(list.Training), list.Labels)
	}
	f, err := os.Open(filepath.Join(dir, "dataset.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if rows, err := csv.NewReader(f).ReadAll(); err != nil || len(rows) != len(all)+1 {
		t.Errorf("dataset.csv has %d rows: %v", len(rows), err)
	}
}

// A report has the same pseudonyms and UIDs as its image, in its header and in its content.
func TestReportFollows(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	picture, err := object.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	reference := func() *object.Set {
		item := &object.Set{}
		item.PutText(0x00081150, "UI", picture.First(0x00080016))
		item.PutText(0x00081155, "UI", picture.First(0x00080018))
		return item
	}
	sequence := func(tag part10.Tag, items ...*object.Set) *object.Element {
		return &object.Element{Tag: tag, VR: "SQ", Items: items}
	}
	report := &object.Object{Set: &object.Set{}}
	for _, e := range picture.Elements {
		if g := e.Tag >> 16; g == 0x0010 || e.Tag == 0x0020000D || e.Tag == 0x00080020 {
			report.Put(e)
		}
	}
	report.PutText(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.33")
	report.PutText(0x00080018, "UI", "1.2.826.0.1.3680043.8.498.66.1")
	report.PutText(0x0020000E, "UI", "1.2.826.0.1.3680043.8.498.66.2")
	report.PutText(0x00080060, "CS", "SR")
	report.PutText(0x0040A040, "CS", "CONTAINER")
	content := &object.Set{}
	content.PutText(0x0040A010, "CS", "CONTAINS")
	content.PutText(0x0040A040, "CS", "IMAGE")
	content.Put(sequence(0x00081199, reference()))
	told := &object.Set{}
	told.PutText(0x0040A010, "CS", "CONTAINS")
	told.PutText(0x0040A040, "CS", "TEXT")
	told.PutText(0x0040A160, "UT", "Vogelsang0 Kanarina was here")
	report.Put(sequence(0x0040A730, content, told))
	f, err := os.Create(filepath.Join(source, "report.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	opt := options(source, out)
	opt.Formats = []export.Format{export.DICOM}
	if r := run(t, opt); r.Objects != 1 {
		t.Fatalf("%+v, want the report too", r)
	}
	kind := func(k string) func(export.Record) bool { return func(r export.Record) bool { return r.Kind == k } }
	all, err := export.ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	sr := first(t, out, kind("SR33"))
	var pointed string
	sr.Walk(func(s *object.Set, e *object.Element, _ []part10.Tag) {
		if e.Tag == 0x00081155 {
			pointed = s.First(e.Tag)
		}
	})
	found := false
	for _, r := range all {
		if r.Kind != "SR33" && r.Instance == pointed {
			found = r.Patient == sr.First(0x00100020) && r.Study == sr.First(0x0020000D)
		}
	}
	if !found {
		t.Errorf("the report points at %q of patient %q, which is no image of the set", pointed, sr.First(0x00100020))
	}
	if text := sr.Find(0x0040A730); text == nil || len(text.Items) != 1 {
		t.Error("want the reference alone in the content, without the text")
	}
}
