package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// A running node uses frames that others add to its folder, for a detector that it knows
// already too, and says in the log when it cannot.
func TestAddedDarkFramesReachARunningNode(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	dir := t.TempDir()
	n := startNode(t, nodetest.Config(dir, pacs.Addr.Host))
	darks, images := nodetest.DarkFrames(t, 3), nodetest.Radiographs(t, 2)
	image := images[0]
	correction := func() dark.Record {
		t.Helper()
		img, err := decode.ReadFile(context.Background(), image, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := n.engine.pipeline.Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		return res.Dark
	}
	if d := correction(); d.Method != "estimated" || d.Err != nil {
		t.Errorf("without frames: %+v", d)
	}
	for i, file := range darks {
		addDark(t, dir, file)
		want := i + 1
		if want < dark.AgreeingFrames {
			want = 0 // too few to be believed
		}
		if d := correction(); d.Frames != want {
			t.Errorf("after %d frames: %+v", i+1, d)
		}
	}
	uses := filepath.Join(dir, "dark", "uses.json")
	if err := os.Remove(uses); err != nil {
		t.Fatal(err)
	}
	nodetest.Store(t, n.As("MODALITY", "XNET"), images[1:])
	nodetest.Receive(t, pacs, 1)
	n.Settle(t)
	if text, err := os.ReadFile(uses); err != nil || !strings.Contains(string(text), `"last"`) {
		t.Errorf("the use of the calibration is not noted: %s, %v", text, err)
	}
	calibrations, err := filepath.Glob(filepath.Join(dir, "dark", "*.dark"))
	if err != nil || len(calibrations) != 1 {
		t.Fatalf("calibrations %v, %v", calibrations, err)
	}
	if err := os.Truncate(calibrations[0], 100); err != nil {
		t.Fatal(err)
	}
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{image})
	nodetest.Receive(t, pacs, 1)
	n.Settle(t)
	if log := n.Log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "damaged calibration") {
		t.Error("the log does not say that the calibration is damaged")
	}
}

// addDark adds a dark frame as another process does.
func addDark(t *testing.T, dataDir, file string) {
	t.Helper()
	c := configs.Default()
	c.Node.DataDir = dataDir
	s, err := dark.Open(pipeline.DarkDir(c))
	if err != nil {
		t.Fatal(err)
	}
	img, err := decode.ReadFile(context.Background(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddDark(img); err != nil {
		t.Fatal(err)
	}
}
