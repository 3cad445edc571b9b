package inputs_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dicomnode/dicomnode/inputs"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
)

// TestImages: a folder stands for its DICOM files, with or without the frame of
// one, and tells what else it holds.
func TestImages(t *testing.T) {
	dir := t.TempDir()
	whole := dicomtest.DX(4, 4, 10).Encode(uid.ImplicitVRLittleEndian)
	bare := whole[144+int(whole[140]):] // behind preamble, prefix and file meta information
	for name, b := range map[string][]byte{"a.dcm": whole, "b": bare, "c.txt": []byte("notes"), "d.png": []byte("\x89PNG\r\n\x1a\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, skipped, err := inputs.Images([]string{dir})
	if err != nil || !slices.Equal(base(files), []string{"a.dcm", "b"}) || !slices.Equal(base(skipped), []string{"c.txt", "d.png"}) {
		t.Errorf("files %v, skipped %v, error %v", base(files), base(skipped), err)
	}
	if files, err := inputs.DICOM([]string{filepath.Join(dir, "c.txt")}); err != nil || len(files) != 1 {
		t.Errorf("a file by name: %v, %v", files, err)
	}
	if _, _, err := inputs.Images([]string{t.TempDir()}); err == nil {
		t.Error("an empty folder is no error")
	}
}

func base(paths []string) []string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	return names
}
