package export_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
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
	opt.Pipeline = embedded(b)
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

// embedded returns the program's models at the default effort and refinement.
func embedded(b *testing.B) *segment.Pipeline {
	b.Helper()
	open := func(bundle *model.Bundle, target model.Target, err error) *model.Session {
		if err != nil {
			b.Fatal(err)
		}
		s, err := model.Open(bundle, model.Options{Target: target, Device: "cpu"})
		if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
			b.Skip(err)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		return s
	}
	regions, err := model.Embedded()
	p := &segment.Pipeline{Predictor: open(regions, model.Regions, err), Config: segment.Config{Effort: scales.Normal, Guided: picture.NewGuidedFilter()}}
	field, err := model.EmbeddedField()
	p.Field = open(field, model.Field, err)
	return p
}
