package ort

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// However deep the working directory, what to do comes first and the search is told in
// a few words.
func TestNotFoundIsShort(t *testing.T) {
	deep := filepath.Join(t.TempDir(), "a", "b", "c", "d", "e", "f")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	tried := places()
	if len(tried) < 40 {
		t.Fatalf("%d places tried", len(tried))
	}
	err := notFound(tried)
	text := err.Error()
	remedy, search := strings.Index(text, "make runtime"), strings.Index(text, "looked in ")
	if !errors.Is(err, ErrNoLibrary) || remedy < 0 || search < remedy || !strings.Contains(text, Environment) {
		t.Errorf("%q does not say first what to do", text)
	}
	if n := strings.Count(text[search:], string(filepath.Separator)+".runtime"); n != 1 || !strings.Contains(text, " folders from "+filepath.Join(deep, ".runtime", "gpu")+" to ") {
		t.Errorf("%q lists %d folders .runtime, want the first alone", text, n)
	}
}

func TestWhere(t *testing.T) {
	for _, c := range []struct {
		tried []string
		want  string
	}{
		{[]string{"/a/b.so"}, "for /a/b.so"},
		{[]string{"/a/b.so", "/a/c.so"}, "in /a"},
		{[]string{"/a/b.so", "/a/c.so", "/d/b.so", "/a/b.so", "/e/b.so"}, "in 3 folders from /a to /e"},
	} {
		if got := where(c.tried); got != c.want {
			t.Errorf("%q: %q, want %q", c.tried, got, c.want)
		}
	}
}
