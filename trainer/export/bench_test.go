package export_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/decode"
	"dicomnode/trainer/export"
)

// BenchmarkExport measures the export of a radiograph as DICOM and PNG, as a multiple of the
// time to decode it.
func BenchmarkExport(b *testing.B) {
	path := dicomtest.Shared(b, "dicom", "RG3_UNC.dcm")
	file, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	opt := options(path, "")
	opt.Formats, opt.Labels, opt.Workers = []export.Format{export.DICOM, export.PNG}, export.None, 1
	opt.Pipeline = nil
	b.SetBytes(int64(len(file)))
	var decoding time.Duration
	for b.Loop() {
		opt.Out = filepath.Join(b.TempDir(), "set")
		if r, err := export.Run(context.Background(), opt); err != nil {
			b.Fatalf("%v: %+v", err, r)
		}
		b.StopTimer()
		begun := time.Now()
		if _, err := decode.Read(context.Background(), bytes.NewReader(file), int64(len(file)), nil); err != nil {
			b.Fatal(err)
		}
		decoding += time.Since(begun)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(decoding), "×decode")
}
