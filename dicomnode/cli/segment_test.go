package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/offline"
)

// The offline verb writes a clean segmentation and an overlay, the same at every run.
func TestSegmentOffline(t *testing.T) {
	nodetest.RequireModel(t)
	images := nodetest.Radiographs(t, 2)
	var first []byte
	for range 2 {
		out := t.TempDir()
		var stdout, stderr bytes.Buffer
		if code := (Program{Version: "test"}).Run(t.Context(), []string{"segment", filepath.Dir(images[0]), "--out", out, "--png", "--json"}, &stdout, &stderr); code != command.OK {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		var reports []offline.Report
		if err := json.Unmarshal(stdout.Bytes(), &reports); err != nil || len(reports) != 2 {
			t.Fatalf("%d reports, %v", len(reports), err)
		}
		for _, r := range reports {
			if sum := r.OpenBeam + r.SoftTissue + r.Bone; sum < 0.999 || sum > 1.001 {
				t.Errorf("fractions add up to %v", sum)
			}
			if _, err := os.Stat(r.Overlay); err != nil {
				t.Error(err)
			}
		}
		b, err := os.ReadFile(filepath.Join(out, "dx-1-000000.seg.dcm"))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(b, first) {
			t.Error("the second run wrote other bytes")
		}
		first = b
		nodetest.Dciodvfy(t, filepath.Join(out, "dx-1-000000.seg.dcm"))
	}
}
