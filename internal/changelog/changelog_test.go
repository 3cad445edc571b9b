package changelog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/changelog"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"two-scales.md", "**Two scales**: parts of an image too,\ntwice as large.\n", ""},
		{"Two Scales.md", "**Two scales**: parts.", "want a name"},
		{"scales.txt", "**Two scales**: parts.", "want a name"},
		{"scales.md", "Two scales: parts.", "topic in bold"},
		{"scales.md", "**Two scales**", "whole sentences"},
		{"scales.md", "**Two scales**: parts.\n\nMore.", "one paragraph"},
		{"scales.md", "**Two scales**: parts.\n- and.", "one paragraph"},
		{"scales.md", "**Two scales**: " + strings.Repeat("long ", 200) + ".", "at most 700"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, changelog.README), "What a change looks like")
		write(t, filepath.Join(dir, c.name), c.text)
		changes, err := changelog.Read(dir)
		switch {
		case c.want == "" && (err != nil || len(changes) != 1 || changes[0].Name != c.name):
			t.Errorf("%s: got %v, %v", c.name, changes, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %q: error %v, want one with %q", c.name, c.text, err, c.want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFold(t *testing.T) {
	changes := []changelog.Change{{Name: "a.md", Text: "**A**: one,\ntwo."}, {Name: "b.md", Text: "**B**: three."}}
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	const added = "## 1.1.0 (2026-12-01)\n\n- **A**: one,\n  two.\n- **B**: three.\n"
	for _, c := range []struct{ old, want string }{
		{"# Changelog\n\nNewest first.\n", "# Changelog\n\nNewest first.\n\n" + added},
		{"# Changelog\n\n## 1.0.0 (2026-11-01)\n\n- old\n", "# Changelog\n\n" + added + "\n## 1.0.0 (2026-11-01)\n\n- old\n"},
	} {
		if got, err := changelog.Fold(c.old, changes, "1.1.0", day); err != nil || got != c.want {
			t.Errorf("got %q, %v\nwant %q", got, err, c.want)
		}
	}
}

// A link of a change leads from the changelog to the page that it led to from docs/changes.
func TestLinks(t *testing.T) {
	changes := []changelog.Change{{Text: "**A**: see [one](../a.md#b), [two](README.md), [three](https://example.org/c.md) and [four](../../README.md)."}}
	got := changelog.Preview("# C\n", changes, "0.0.0+1", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	const want = "# C\n\n## 0.0.0+1 (2026-12-01)\n\n- **A**: see [one](docs/a.md#b), [two](docs/changes/README.md), [three](https://example.org/c.md) and [four](README.md).\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A release whose changes are folded already has its changelog as it stands.
func TestPreviewOfNothing(t *testing.T) {
	if got := changelog.Preview("# C\n", nil, "1.0.0", time.Now()); got != "# C\n" {
		t.Errorf("got %q", got)
	}
}

func TestFoldRefuses(t *testing.T) {
	changes := []changelog.Change{{Name: "a.md", Text: "**A**: one."}}
	for _, c := range []struct {
		version string
		changes []changelog.Change
		want    string
	}{
		{"", changes, "is no version"},
		{"v1.0", changes, "is no version"},
		{"1.1.0", nil, "no change"},
		{"1.0.0", changes, "already"},
	} {
		if _, err := changelog.Fold("# C\n\n## 1.0.0 (2026-11-01)\n", c.changes, c.version, time.Now()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.version, err, c.want)
		}
	}
}
