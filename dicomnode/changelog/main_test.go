package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The changelog has each change, the folder none, and what the folder asks for stays.
func TestFold(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"CHANGELOG.md":           "# Changelog\n",
		"docs/changes/README.md": "# What a change looks like\n",
		"docs/changes/drain.md":  "**Drain**: a stop.\n",
		"docs/changes/audit.md":  "**Audit**: messages.\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := fold(root, "1.2.0", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	const want = "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n- **Audit**: messages.\n- **Drain**: a stop.\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	left, err := filepath.Glob(filepath.Join(root, "docs/changes/*"))
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], "README.md") {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := fold(root, "1.3.0", time.Now()); err == nil || !strings.Contains(err.Error(), "no change") {
		t.Errorf("a second fold: %v, want that there is no change", err)
	}
}
