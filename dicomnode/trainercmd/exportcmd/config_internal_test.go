package exportcmd

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
)

// An export is finished with the configuration it began with: found from another folder, missed
// if it is gone, and none if there was none.
func TestFinishWithTheSameConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("set.work", 0o700), os.WriteFile("node.yaml", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	f := exportFlags{Config: "node.yaml", Read: true, Out: "set"}
	if err := f.save(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(commandFile("set"))
	var saved exportFlags
	if err == nil {
		err = json.Unmarshal(b, &saved)
	}
	if err != nil || !filepath.IsAbs(saved.Config) || !saved.Read {
		t.Fatalf("%q, read %v, %v; want an absolute path that was read", saved.Config, saved.Read, err)
	}
	for _, c := range []struct {
		flags   exportFlags
		missing bool
	}{
		{saved, true}, {exportFlags{Config: "node.yaml"}, true}, // as an earlier version saved it
		{exportFlags{Config: command.DefaultConfig}, false},
	} {
		if err := os.RemoveAll("node.yaml"); err != nil {
			t.Fatal(err)
		}
		got, err := c.flags.config()
		if errors.Is(err, os.ErrNotExist) != c.missing || err == nil && got.Model.Bundle != pipeline.Embedded {
			t.Errorf("%q: %v, bundle %q; missing: want %v", c.flags.Config, err, got.Model.Bundle, c.missing)
		}
	}
}
