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

// A preview has each change, dated as the build, and leaves the repository as it is.
func TestPreview(t *testing.T) {
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "CHANGELOG.md")
	files := map[string]string{
		"CHANGELOG.md":          "# Changelog\n",
		"docs/changes/drain.md": "**Drain**: see [how](../operations.md).\n",
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1796083200") // 2026-12-01
	if err := preview(root, "0.0.0+202612010000.abc", out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	const want = "# Changelog\n\n## 0.0.0+202612010000.abc (2026-12-01)\n\n- **Drain**: see [how](docs/operations.md).\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for name, text := range files {
		if b, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(b) != text {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "today")
	if err := preview(root, "1", out); err == nil {
		t.Error("a date that is none was taken")
	}
}
