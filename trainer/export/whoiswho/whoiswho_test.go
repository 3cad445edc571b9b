package whoiswho

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"dicomnode/trainer/export"
)

func TestList(t *testing.T) {
	holder, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "who.age")
	l, err := Create(path, []string{holder.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(export.Identity{ID: "aa", Patient: "bb", Name: "Vogel^Kanaria", PatientID: "7,1"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || bytes.Contains(b, []byte("Kanaria")) {
		t.Fatalf("the list is readable: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	r, err := age.Decrypt(bytes.NewReader(b), holder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(text), `aa,bb,"7,1",,Vogel^Kanaria`) {
		t.Errorf("the list says %q: %v", text, err)
	}
	if _, err := Create(path, []string{holder.Recipient().String()}); err == nil {
		t.Error("a list was written over")
	}
	for _, bad := range [][]string{nil, {"nobody"}} {
		if _, err := Create(filepath.Join(t.TempDir(), "x"), bad); err == nil {
			t.Errorf("recipients %v are accepted", bad)
		}
	}
}
