package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests that the Makefile runs with the race detector are there by their names, and
// what they are chosen from are folders: a pattern that matches nothing would be no error.
func TestRacedTests(t *testing.T) {
	makefile := strings.ReplaceAll(document(t, "Makefile"), "\\\n", " ")
	words := func(name, separator string) []string {
		line := regexp.MustCompile(`(?m)^` + name + `\s*:= *(.*)$`).FindStringSubmatch(makefile)
		if line == nil {
			t.Fatalf("no %s in the Makefile", name)
		}
		return regexp.MustCompile(separator).Split(line[1], -1)
	}
	var code strings.Builder
	for _, folder := range words("RACED_IN", " +") {
		files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no tests, %v", folder, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(b)
		}
	}
	for _, test := range words("RACED_TESTS", `\|`) {
		if !strings.Contains(code.String(), "\nfunc "+test+"(t ") {
			t.Errorf("no test %s in RACED_IN", test)
		}
	}
	loops := words("LOOPS", " +")
	for _, folder := range append(append(words("RACED_LOOPS", " +"), words("RACED_IN", " +")...), loops...) {
		if info, err := os.Stat(filepath.Join("..", folder)); err != nil || !info.IsDir() {
			t.Errorf("%q is no folder", folder)
		}
	}
	for _, folder := range loops {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := regexp.MustCompile(`sync\.Map|atomic\.Pointer`).Find(b); found != nil && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s uses %s, and would bring a copy that the race detector does not see", file, found)
			}
		}
	}
}
