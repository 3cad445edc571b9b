package export_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/exporttest"
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
	asMultiple(b, opt, file, "×decode", nil)
}

// BenchmarkExportLabels measures the export of a radiograph with labels and the search for
// burned-in text, with the program's models at its default effort, as a multiple of decoding it
// and running the models.
func BenchmarkExportLabels(b *testing.B) {
	path := dicomtest.Shared(b, "dicom", "RG3_UNC.dcm")
	file, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	opt := options(path, "")
	opt.Formats, opt.Workers, opt.BurnedIn = []export.Format{export.DICOM, export.PNG, export.Dataset}, 1, export.KeepText
	opt.Pipeline = exporttest.Pipeline(b, segment.Config{Effort: scales.Normal, Guided: picture.NewGuidedFilter()})
	asMultiple(b, opt, file, "×models", opt.Pipeline)
}

// asMultiple reports the time of an export of file as a multiple of the time to decode it, and
// to run the models unless models is nil.
func asMultiple(b *testing.B, opt export.Options, file []byte, unit string, models *segment.Pipeline) {
	b.SetBytes(int64(len(file)))
	var alone time.Duration
	for b.Loop() {
		opt.Out = filepath.Join(b.TempDir(), "set")
		if r, err := export.Run(context.Background(), opt); err != nil {
			b.Fatalf("%v: %+v", err, r)
		}
		b.StopTimer()
		begun := time.Now()
		m, err := decode.Read(context.Background(), bytes.NewReader(file), int64(len(file)), nil)
		if err == nil && models != nil {
			_, err = models.Run(context.Background(), m)
		}
		if err != nil {
			b.Fatal(err)
		}
		alone += time.Since(begun)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(alone), unit)
}
