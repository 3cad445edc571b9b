package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/segment/seg"
	"dicomnode/trainer/dataset"
)

// What the node segments can be trained on: the imported labels are its masks.
func TestImportSEG(t *testing.T) {
	nodetest.RequireModel(t)
	studies, results := filepath.Dir(nodetest.Radiographs(t, 2)[0]), t.TempDir()
	out := filepath.Join(t.TempDir(), "data")
	var stdout, stderr bytes.Buffer
	for _, args := range [][]string{
		{"segment", studies, "--out", results},
		{"trainer", "dataset", "import-seg", studies, results, "--out", out},
		{"trainer", "dataset", "check", out, "--strict"},
	} {
		if code := program().Run(t.Context(), args, &stdout, &stderr); code != command.OK {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, &stdout, &stderr)
		}
	}
	f, err := dataset.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	segs, err := filepath.Glob(filepath.Join(results, "*.seg.dcm"))
	if err != nil || len(segs) != 2 || len(f.Items) != 2 {
		t.Fatalf("%d segmentations, %d rows, %v", len(segs), len(f.Items), err)
	}
	for _, seg := range segs {
		if !imported(t, f, seg) {
			t.Errorf("no label is the mask of %s", filepath.Base(seg))
		}
	}
}

// imported reports whether a label of the folder is the segmentation.
func imported(t *testing.T, f *dataset.Folder, file string) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	masks, rows, cols, err := seg.ReadMasks(b)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{dataset.Ignore}, rows*cols)
	for class := range uint8(dataset.Classes) {
		for i, set := range masks[class] {
			if set {
				want[i] = class
			}
		}
	}
	for _, it := range f.Items {
		p, err := f.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(p.Label, want) {
			return true
		}
	}
	return false
}
