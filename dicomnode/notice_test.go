package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestNotice: NOTICE names every module that is linked into the program.
func TestNotice(t *testing.T) {
	notice, err := os.ReadFile("../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	if len(modules) < 10 {
		t.Fatalf("go list names %d modules", len(modules))
	}
	for _, m := range modules {
		if !strings.Contains(string(notice), "  "+m+" ") {
			t.Errorf("NOTICE does not name %s and its licence", m)
		}
	}
}
