package decode_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/segment/decode"
)

// TestCases: files with unusual structure and character sets, made after reports from the
// field. All are stored and decoded, except those for which no result could be stored.
func TestCases(t *testing.T) {
	dir := t.TempDir()
	archive := dicomtest.Shared(t, "..", "cases", "files.tar.xz")
	if out, err := exec.Command("tar", "xJf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("unpack: %v\n%s", err, out)
	}
	f, err := os.Open(dicomtest.Shared(t, "..", "cases", "files.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := csv.NewReader(f)
	table.FieldsPerRecord = -1 // fields contain commas
	rows, err := table.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		checkCase(t, r[0], filepath.Join(dir, r[0]+".dcm"), r[len(r)-1])
	}
}

func checkCase(t *testing.T, name, path, right string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	img, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	head, err := part10.ReadHeader(bytes.NewReader(b))
	if err == nil {
		_, err = part10.Scan(bytes.NewReader(b[head.DatasetOffset:]), head.TransferSyntaxUID)
	}
	if err != nil {
		t.Errorf("%s: not stored: %v", name, err)
	}
	if err := img.Identity(); (err != nil) != strings.HasPrefix(name, "i") {
		t.Errorf("%s: identity: %v", name, err)
	}
	if _, want, ok := strings.Cut(right, "name "); ok {
		want = strings.TrimSuffix(want, " in the SEG")
		if got := img.Source().String(tag.PatientName); got != want {
			t.Errorf("%s: name %q, want %q", name, got, want)
		}
	}
}
