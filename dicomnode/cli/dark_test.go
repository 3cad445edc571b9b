package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/nodetest"
)

// darkVerb runs "dicomnode dark" on the data of a node.
func darkVerb(t *testing.T, dataDir string, args ...string) (code int, out, errOut string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "node.yaml")
	text, err := json.Marshal(map[string]any{"node": map[string]string{"data_dir": dataDir}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code = Program{Version: "test"}.Run(t.Context(), append(append([]string{"dark"}, args...), "--config", config), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func mustDark(t *testing.T, dataDir string, args ...string) string {
	t.Helper()
	code, out, errOut := darkVerb(t, dataDir, args...)
	if code != command.OK {
		t.Fatalf("dark %s: exit code %d: %s", args[0], code, errOut)
	}
	return out
}

func listDarks(t *testing.T, dataDir string) (entries []darkEntry) {
	t.Helper()
	if err := json.Unmarshal([]byte(mustDark(t, dataDir, "list", "--json")), &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

// Frames that are added count once and are listed; dropped ones are gone.
func TestDarkVerbs(t *testing.T) {
	dir := t.TempDir()
	if got := listDarks(t, dir); len(got) != 0 {
		t.Errorf("an empty folder lists %+v", got)
	}
	darks, flood := nodetest.DarkFrames(t, 3), nodetest.Radiographs(t, 1)
	if out := mustDark(t, dir, append([]string{"add"}, append(darks, darks[0])...)...); out != "4 dark frames added\n" {
		t.Errorf("printed %q", out)
	}
	got := listDarks(t, dir)
	if len(got) != 1 || got[0].Frames != 3 || got[0].Gain || got[0].Detector != "SIMULATED-1" {
		t.Errorf("entries %+v, want 3 frames of one detector", got)
	}
	if mustDark(t, dir, "add", "--flood", flood[0]); !listDarks(t, dir)[0].Gain {
		t.Error("a flood frame gives no gain")
	}
	if mustDark(t, dir, "drop", got[0].Detector); len(listDarks(t, dir)) != 0 {
		t.Error("a dropped detector is listed")
	}
	if code, _, errOut := darkVerb(t, dir, "drop", got[0].Detector); code != command.Failed || !strings.Contains(errOut, "dark list") {
		t.Errorf("dropped what is not there: exit code %d: %s", code, errOut)
	}
}

// A calibration that cannot be read is named, with what to do about it.
func TestDarkVerbsNameADamagedCalibration(t *testing.T) {
	dir, darks := t.TempDir(), nodetest.DarkFrames(t, 1)
	mustDark(t, dir, "add", darks[0])
	calibrations, err := filepath.Glob(filepath.Join(dir, "dark", "*.dark"))
	if err != nil || len(calibrations) != 1 {
		t.Fatalf("calibrations %v, %v", calibrations, err)
	}
	if err := os.Truncate(calibrations[0], 100); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"add", darks[0]}} {
		code, _, errOut := darkVerb(t, dir, args...)
		if code != command.Failed || !strings.Contains(errOut, filepath.Base(calibrations[0])) || !strings.Contains(errOut, "hint: ") {
			t.Errorf("%s with a damaged calibration: exit code %d: %s", args[0], code, errOut)
		}
	}
}
