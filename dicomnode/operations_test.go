package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each message that docs/operations.md tells to watch is one that the program logs.
func TestOperationsDocMessages(t *testing.T) {
	var code []byte
	for _, folder := range []string{"../scp", "node", "cli", "../internal/archive", "../internal/archive/jobs", "../internal/dicomtls"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s, %v", len(files), folder, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, b...)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| (?:WARN|INFO|ERROR)[^|]*\\| `([^`]+)` \\|").FindAllStringSubmatch(operations(t), -1)
	if len(rows) < 8 {
		t.Fatalf("only %d rows of messages", len(rows))
	}
	for _, row := range rows {
		for part := range strings.SplitSeq(row[1], "…") { // what changes
			if !bytes.Contains(code, []byte(strings.TrimSpace(part))) {
				t.Errorf("nothing logs %q", row[1])
			}
		}
	}
}

// Each command that docs/operations.md names is one, with the flags it is given.
func TestOperationsDocCommands(t *testing.T) {
	found := regexp.MustCompile("(?m)(?:`|^    )dicomnode ([^`\\n#]+)").FindAllStringSubmatch(operations(t), -1)
	if len(found) < 15 {
		t.Fatalf("only %d commands", len(found))
	}
	for _, f := range found {
		words := strings.Fields(f[1])
		cmd, rest, err := program().Root().Find(words)
		if err != nil || !cmd.HasParent() {
			t.Errorf("dicomnode %s: %v", f[1], err)
			continue
		}
		for _, word := range rest {
			if name, ok := strings.CutPrefix(word, "--"); ok && cmd.Flags().Lookup(name) == nil {
				t.Errorf("dicomnode %s: no flag --%s", f[1], name)
			}
		}
	}
}
