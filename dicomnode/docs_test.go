package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"dicomnode/internal/changelog"
)

// documents are the Markdown files of the repository, relative to it.
func documents(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 20 {
		t.Fatalf("only %d documents", len(files))
	}
	return files
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestLinks: what documents link to within the repository is there, heading and all.
func TestLinks(t *testing.T) {
	n := 0
	for _, name := range documents(t) {
		for _, m := range mdLink.FindAllStringSubmatch(document(t, name), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			n++
			path, heading, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
				continue
			}
			if heading != "" && !slices.Contains(anchors(document(t, target)), heading) {
				t.Errorf("%s links to %s, where no heading is called so", name, m[1])
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d links were found", n)
	}
}

// The documents of the packages lead nowhere that is not in the packages.
func TestLinksOfPackages(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "bash", filepath.Join("..", "deploy", "documents.sh"), t.TempDir()).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// anchors are the names that Markdown viewers give the headings of a text.
func anchors(text string) (list []string) {
	for _, m := range mdHeading.FindAllStringSubmatch(text, -1) {
		var b strings.Builder
		for _, c := range strings.ToLower(m[1]) {
			switch {
			case c == ' ' || c == '-':
				b.WriteByte('-')
			case unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_':
				b.WriteRune(c)
			}
		}
		list = append(list, b.String())
	}
	return list
}

// TestChangelog: each change that is not released yet is as docs/changes/README.md asks.
func TestChangelog(t *testing.T) {
	if _, err := changelog.Read("../docs/changes"); err != nil {
		t.Errorf("docs/changes: %v", err)
	}
	if text := document(t, "CHANGELOG.md"); strings.Contains(text, "## Unreleased") {
		t.Error("CHANGELOG.md has a section of what is not released: each change has a file in docs/changes")
	}
}

// commands are the lines of a document's blocks of code that begin with one of the words,
// without comments, and with lines that end in \ joined.
func commands(text string, words ...string) (list []string) {
	fenced := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced && !strings.HasPrefix(line, "    ") {
			continue
		}
		line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
		for assigned := environment.FindString(line); assigned != ""; assigned = environment.FindString(line) {
			line = line[len(assigned):]
		}
		if first, _, _ := strings.Cut(line, " "); slices.Contains(words, first) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

var environment = regexp.MustCompile(`^[A-Z_]+=\S* +`) // VARIABLE=value before a command

var shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)

// arguments are the words behind the program's name, up to what belongs to the shell.
func arguments(line string) (list []string) {
	for _, w := range shellWord.FindAllString(line, -1)[1:] {
		if strings.ContainsAny(w[:1], "|>&;<") || strings.HasPrefix(w, "2>") {
			break
		}
		list = append(list, strings.Trim(w, `'"`))
	}
	return list
}

// TestCommandsOfDocuments: each call of the program in a document is one that it takes:
// its verb, its flags, the number of its arguments.
func TestCommandsOfDocuments(t *testing.T) {
	n := 0
	for _, name := range documents(t) {
		for _, line := range commands(document(t, name), "bin/dicomnode", "dicomnode") {
			if strings.ContainsAny(line, "…[") { // a pattern, not a call
				continue
			}
			n++
			root := program().Root()
			root.SetOut(io.Discard)
			cmd, rest, err := root.Find(arguments(line))
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d commands were found", n)
	}
}

// TestTargetsOfDocuments: what documents make is a target, and what they test or measure
// is there by that name.
func TestTargetsOfDocuments(t *testing.T) {
	makefile, n := document(t, "Makefile"), 0
	for _, name := range documents(t) {
		for _, line := range commands(document(t, name), "make") {
			for _, target := range arguments(line) {
				if strings.ContainsAny(target, "=…") {
					continue
				}
				n++
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(makefile) {
					t.Errorf("%s: %s: no target %q", name, line, target)
				}
			}
		}
		for _, line := range commands(document(t, name), "go") {
			if args := arguments(line); args[0] == "test" {
				n++
				checkTests(t, name, line, args)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d targets and tests were found", n)
	}
}

// checkTests wants the packages of a go test command to have what -run and -bench name.
func checkTests(t *testing.T, name, line string, args []string) {
	t.Helper()
	var patterns, folders []string
	for i, a := range args {
		switch {
		case (a == "-run" || a == "-bench") && i+1 < len(args) && strings.ContainsFunc(args[i+1], unicode.IsUpper):
			patterns = append(patterns, strings.Split(args[i+1], "/")[0])
		case strings.HasPrefix(a, "./"):
			folders = append(folders, strings.TrimSuffix(a, "/..."))
		}
	}
	var source strings.Builder
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: %s: no tests in %s", name, line, folder)
		}
		for _, f := range files {
			source.WriteString(document(t, strings.TrimPrefix(f, "../")))
		}
	}
	for _, p := range patterns {
		p = strings.Trim(p, "^$")
		if len(folders) > 0 && !regexp.MustCompile(`func (Test|Benchmark|Fuzz)\w*(`+p+`)|func (`+p+`)`).MatchString(source.String()) {
			t.Errorf("%s: %s: no test or benchmark %s in %v", name, line, p, folders)
		}
	}
}
