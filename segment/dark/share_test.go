package dark_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/uid"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// Frames that another process adds count at the next Lookup, also for a detector that is
// in memory; so does its being dropped.
func TestOtherProcessesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	node, other := openStore(t, dir), openStore(t, dir)
	key, _ := dark.KeyOf(darkFrame(t, 0))
	if _, err := node.Lookup(key); !errors.Is(err, dark.ErrNoCalibration) {
		t.Errorf("an empty folder: %v, want ErrNoCalibration", err)
	}
	seen := map[string]bool{}
	for n := range 5 {
		if err := other.AddDark(numberedFrame(t, n)); err != nil {
			t.Fatal(err)
		}
		d, err := node.Lookup(key)
		if n+1 < dark.AgreeingFrames && errors.Is(err, dark.ErrNoCalibration) {
			continue
		}
		if err != nil || d.Frames != n+1 || seen[d.Digest] {
			t.Fatalf("after %d frames: %v", n+1, err)
		}
		seen[d.Digest] = true
		if again, err := node.Lookup(key); err != nil || again != d {
			t.Error("an unchanged calibration was read again")
		}
	}
	if n, err := other.Drop(key.Detector); n != 1 || err != nil {
		t.Errorf("dropped %d calibrations, %v", n, err)
	}
	if _, err := node.Lookup(key); !errors.Is(err, dark.ErrNoCalibration) {
		t.Errorf("after the drop: %v, want ErrNoCalibration", err)
	}
}

func openStore(t testing.TB, dir string) *dark.Store {
	t.Helper()
	s, err := dark.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// addingTo makes the test binary a process that adds frames to that folder.
const addingTo = "SEGMENT_TEST_ADD_DARKS_TO"

// Processes that add at the same time lose no frame.
func TestProcessesAddTogether(t *testing.T) {
	const processes, each = 3, 8
	if dir := os.Getenv(addingTo); dir != "" {
		var first int
		if _, err := fmt.Sscan(os.Getenv(addingTo+"_FROM"), &first); err != nil {
			t.Fatal(err)
		}
		store := openStore(t, dir)
		for n := range each {
			if err := store.AddDark(numberedFrame(t, first+n)); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	var running []*exec.Cmd
	for p := range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessesAddTogether$")
		cmd.Env = append(os.Environ(), addingTo+"="+dir, fmt.Sprintf("%s_FROM=%d", addingTo, p*each))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	key, _ := dark.KeyOf(numberedFrame(t, 0))
	if d, err := openStore(t, dir).Lookup(key); err != nil || d.Frames != processes*each {
		t.Errorf("%+v, %v; want %d frames", d, err, processes*each)
	}
}

func numberedFrame(t testing.TB, n int) *decode.Image {
	m := dicomtest.DX(50, 60, 300)
	for i := range m.Pixels {
		m.Pixels[i] = dicomtest.Offset(i/60, 300)
	}
	m.Pixels[0] = 1000 + n
	return read(t, m.Encode(uid.ExplicitVRLittleEndian))
}

// A detector that has as many frames as are kept refuses more, and says so.
func TestFullCalibration(t *testing.T) {
	if err := dark.TakeFrames(dark.MaxFrames); err != nil {
		t.Fatal(err)
	}
	if err := dark.TakeFrames(dark.MaxFrames + 1); !errors.Is(err, decode.ErrUnsupported) {
		t.Errorf("one frame too many: %v, want ErrUnsupported", err)
	}
}

func TestFrameWithoutDetector(t *testing.T) {
	store := openStore(t, t.TempDir())
	if err := store.AddDark(&decode.Image{Rows: 1, Columns: 1, Samples: []float32{1}}); !errors.Is(err, decode.ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}

// What an administrator adds belongs to the owner of the data folder, or the node could
// not change it any more.
func TestOwner(t *testing.T) {
	dir := durabletest.Foreign(t)
	if err := openStore(t, filepath.Join(dir, "dark")).AddDark(numberedFrame(t, 1)); err != nil {
		t.Fatal(err)
	}
	durabletest.AllForeign(t, dir)
}
