package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// documented runs, in a data folder, the commands of "Downgrade" in docs/install.md that follow
// the n-th stop of the service, up to the next package or text.
func documented(t *testing.T, n int, dataDir string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Downgrade\n")
	section, _, _ = strings.Cut(section, "\n## ")
	stops := strings.Split(section, "    systemctl stop dicomnode\n")
	if len(stops) != 3 {
		t.Fatalf("docs/install.md stops the service %d times in %q, want 2", len(stops)-1, "Downgrade")
	}
	commands := ""
	for line := range strings.Lines(stops[n]) {
		if !strings.HasPrefix(line, "    ") || strings.Contains(line, "apt-get") {
			break
		}
		commands += strings.ReplaceAll(line, "/var/lib/dicomnode", "'"+dataDir+"'")
	}
	if out, err := exec.CommandContext(t.Context(), "bash", "-euc", commands).CombinedOutput(); err != nil || !strings.Contains(commands, dataDir) {
		t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
}

// rows returns the objects, jobs and deliveries of an index of schema 2 as text.
func rows(t *testing.T, dir string) (all []string) {
	t.Helper()
	for _, table := range []string{"object", "delivery", "river_job"} {
		q, err := database(t, dir).QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		names, err := q.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for q.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new([]byte)
			}
			if err := q.Scan(values...); err != nil {
				t.Fatal(err)
			}
			line := table
			for i, v := range values {
				line += " " + names[i] + "=" + string(*v.(*[]byte))
			}
			all = append(all, line)
		}
		if err := q.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestGoBack upgrades an archive of schema 2, receives an image, and downgrades as
// docs/install.md says. The older version finds its index unchanged, and every file that it
// names. Older versions remove files that their index does not name; objects received since are
// in the copy, which the newer version can open again.
func TestGoBack(t *testing.T) {
	data := durabletest.Dir(t)
	dir := filepath.Join(data, "archive")
	if err := os.CopyFS(dir, os.DirFS("testdata/archive-schema-2")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(dir, "index.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database(t, dir).ExecContext(t.Context(), string(script)); err != nil {
		t.Fatal(err)
	}
	before := rows(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "objects", "*", "*"))
	if err != nil || len(files) != 6 || len(before) < 7 {
		t.Fatalf("%d files and %d rows in the fixture: %v", len(files), len(before), err)
	}

	a := open(t, options(dir))
	newer := receive(t, a, "1.2.77", archive.Keep)
	data77 := contents(t, newer)
	closed(t, a)
	documented(t, 1, data)
	if diff := cmp.Diff(before, rows(t, dir)); diff != "" {
		t.Errorf("the older index is not as it was:\n%s", diff)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(path(dir, newer)); err != nil { // the older version does this
		t.Fatal(err)
	}

	documented(t, 2, data)
	a = open(t, options(dir))
	again, err := a.Find(t.Context(), "1.2.77")
	if err != nil || string(contents(t, again)) != string(data77) {
		t.Errorf("what was received since the upgrade: %v", err)
	}
	if n := len(all(t, a)); n != 7 {
		t.Errorf("%d objects, want the 6 of before and the one since", n)
	}
}
