package dataset_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
)

// The radiographs in the repository are a sound data set, and each is attributed.
func TestRadiographs(t *testing.T) {
	dir := filepath.Join("..", "testdata", "radiographs")
	attribution, err := os.ReadFile(filepath.Join(dir, "ATTRIBUTION.md"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Items) != 11 {
		t.Errorf("%d images, want 11", len(f.Items))
	}
	for _, it := range f.Items {
		p, err := f.Load(it)
		if err != nil {
			t.Error(err)
			continue
		}
		n := map[uint8]int{}
		for _, l := range p.Label {
			n[l]++
		}
		if n[dataset.OpenBeam] == 0 || n[dataset.SoftTissue] == 0 || n[dataset.Bone] == 0 {
			t.Errorf("%s has %v pixels of the classes", it.ID, n)
		}
		if !strings.Contains(string(attribution), "| "+it.ID+" |") {
			t.Errorf("%s is not attributed", it.ID)
		}
	}
}
