package fromnode_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/fromnode"
)

// Objects of a node can be exported while the node has its archive open, and cannot expire
// before the source is closed.
func TestExportFromArchive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	a, err := archive.Open(t.Context(), archive.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	file, err := os.ReadFile(dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := part10.ReadHeader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Receive(t.Context(), archive.Incoming{SOPClassUID: o.First(0x00080016), SOPInstanceUID: o.First(0x00080018),
		TransferSyntaxUID: uid.ExplicitVRLittleEndian, Purpose: archive.Keep}, bytes.NewReader(file[h.DatasetOffset:]))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fromnode.Open(t.Context(), dir, export.Filter{Modalities: []string{"CR"}})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "set")
	r, err := export.Run(t.Context(), export.Options{Out: out, Source: s, Formats: []export.Format{export.DICOM}, Labels: export.None, BurnedIn: export.KeepText,
		Filter: export.Filter{Modalities: []string{"CR"}}, Deidentify: deidentify.Options{Key: deidentify.Key{1}}, Pipeline: &segment.Pipeline{}})
	if err != nil || r.Images != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if n, err := a.Prune(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("pruned %d while it was being exported, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Prune(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d afterwards, want 1: %v", n, err)
	}
}
