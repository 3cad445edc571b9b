package part10_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// findShared lists the real DICOM files beside the repository, and reports whether they are
// required.
func findShared(t testing.TB) (files []string, required bool) {
	t.Helper()
	root := os.Getenv("SHARED_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(root, "dicom", "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	return files, os.Getenv("REQUIRE_SHARED") == "1"
}

// sharedFiles skips the test if the files are missing, or fails it if they are required.
func sharedFiles(t testing.TB) []string {
	t.Helper()
	files, required := findShared(t)
	if len(files) == 0 && required {
		t.Fatal("no shared DICOM files")
	}
	if len(files) == 0 {
		t.Skip("no shared DICOM files")
	}
	return files
}

func TestSharedFilesScan(t *testing.T) {
	for _, name := range sharedFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			head, err := part10.ReadHeader(f)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Seek(head.DatasetOffset, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := part10.Scan(f, head.TransferSyntaxUID)
			if err != nil {
				t.Fatal(err)
			}
			if got.DatasetOffset = head.DatasetOffset; got != head {
				t.Errorf("Scan and ReadHeader disagree")
			}
			if !uid.Valid(got.SOPInstanceUID) || !uid.Valid(got.SOPClassUID) || got.Modality == "" {
				t.Errorf("header lacks values: class %q, modality %q", got.SOPClassUID, got.Modality)
			}
		})
	}
}
