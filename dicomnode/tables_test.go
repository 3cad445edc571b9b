package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// section is a document's text below a heading, up to the next of that level.
func section(t *testing.T, name, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(document(t, name), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", name, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// firstColumn are the words in code of the first cell of each row of a text's tables.
func firstColumn(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		var row []string
		for _, m := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			row = append(row, m[1])
		}
		if len(row) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

var verbWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// verbsOf are the verbs that README's table names. In a row the words behind the first
// are of its group: `queue list`, `retry` are queue list and queue retry.
func verbsOf(t *testing.T) (verbs []string) {
	t.Helper()
	for _, row := range firstColumn(section(t, "README.md", "Verbs")) {
		group := ""
		for i, cell := range row {
			var words []string
			for _, w := range strings.Fields(cell) {
				if !verbWord.MatchString(w) {
					break
				}
				words = append(words, w)
			}
			if i == 0 && len(words) > 1 {
				group = strings.Join(words[:len(words)-1], " ") + " "
			}
			verb := strings.Join(words, " ")
			if len(words) == 1 {
				verb = group + verb
			}
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// TestVerbsOfReadme: the table of verbs names each of them, or its group below the
// trainer and the shell, and nothing else.
func TestVerbsOfReadme(t *testing.T) {
	named := verbsOf(t)
	root := program().Root()
	var visit func(cmd *cobra.Command, verb string)
	visit = func(cmd *cobra.Command, verb string) {
		if slices.Contains(named, verb) || cmd.Hidden || verb == "help" {
			return
		}
		if !cmd.HasSubCommands() {
			t.Errorf("README's table of verbs lacks %q", verb)
		}
		for _, sub := range cmd.Commands() {
			visit(sub, strings.TrimSpace(verb+" "+sub.Name()))
		}
	}
	visit(root, "")
	for _, verb := range named {
		if cmd, rest, err := root.Find(strings.Fields(verb)); err != nil || len(rest) > 0 || cmd == root {
			t.Errorf("README's table names %q, which is no verb", verb)
		}
	}
}

// TestReadmeBeforeTables: what somebody reads first fits two screens of 50 lines of 120
// characters.
func TestReadmeBeforeTables(t *testing.T) {
	text, _, _ := strings.Cut(document(t, "README.md"), "\n## Verbs\n")
	n := 0
	for line := range strings.Lines(text) {
		n += 1 + len([]rune(line))/121
	}
	if n > 100 {
		t.Errorf("README has %d lines of 120 characters before its tables, want at most 100", n)
	}
}

// TestPackagesOfArchitecture: each folder of one or two elements that has Go files is a
// row of docs/architecture.md; deeper ones belong to the row of a folder above them. What
// a row names is there.
func TestPackagesOfArchitecture(t *testing.T) {
	named := map[string]bool{}
	for _, row := range firstColumn(section(t, "docs/architecture.md", "Packages")) {
		first := strings.TrimSuffix(row[0], "/")
		for _, cell := range row {
			folder := strings.TrimSuffix(cell, "/")
			if _, err := os.Stat(filepath.Join("..", folder)); err != nil {
				folder = path.Join(path.Dir(first), folder)
			}
			if _, err := os.Stat(filepath.Join("..", folder)); err != nil {
				t.Errorf("docs/architecture.md names %s, which is not there", cell)
			}
			named[folder] = true
		}
	}
	for _, s := range sources(t) {
		if folder := s.folder; !named[folder] && !named[upper(folder, 2)] {
			t.Errorf("docs/architecture.md has no row for %s", folder)
			named[folder] = true // once
		}
	}
	if len(named) < 50 {
		t.Errorf("only %d folders", len(named))
	}
}
