package segment_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

type fixed []float32

func (f fixed) Predict(context.Context, []float32) ([]float32, error) { return f, nil }

// read decodes a file.
func read(t testing.TB, b []byte) *decode.Image {
	t.Helper()
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// checkPartition fails unless the masks are a partition of the field.
func checkPartition(t *testing.T, res *segment.Result) {
	t.Helper()
	for i, in := range res.Field {
		n := 0
		for _, m := range []picture.Mask{res.Masks.Open, res.Masks.Soft, res.Masks.Bone} {
			if m[i] {
				n++
			}
		}
		if want := map[bool]int{true: 1, false: 0}[in]; n != want {
			t.Fatalf("pixel %d: in %d masks, want %d", i, n, want)
		}
		if res.Masks.HighPrecisionSoft[i] && !res.Masks.Soft[i] {
			t.Fatalf("pixel %d: high-precision soft tissue is not soft tissue", i)
		}
	}
}

func TestRunOnRealImages(t *testing.T) {
	for _, name := range []string{"RG2_UNC", "RG3_UNC", "highdicom_DX_dog_thorax_ELE"} {
		img, err := decode.ReadFile(context.Background(), dicomtest.Shared(t, "dicom", name+".dcm"), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := segment.Pipeline{Predictor: dicomtest.Greys{}}
		res, err := p.Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		checkPartition(t, res)
		t.Logf("%s: field %+v, %+v, islands %d, open %.3f soft %.3f bone %.3f", name, res.FieldRecord, res.Polarity, res.Islands, res.Open.Fraction, res.Soft.Fraction, res.Bone.Fraction)
		if dir := os.Getenv("OVERLAY_DIR"); dir != "" {
			f, err := os.Create(filepath.Join(dir, name+".png"))
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(png.Encode(f, segment.Overlay(img, res)), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRunRefusesBadAnswers(t *testing.T) {
	const n = picture.Classes * picture.Side * picture.Side
	nan := make(fixed, n)
	nan[7] = float32(math.NaN())
	img := &decode.Image{Rows: 4, Columns: 5, Samples: make([]float32, 20)}
	for name, answer := range map[string]fixed{"short": make(fixed, 3), "all zero": make(fixed, n), "not a number": nan} {
		p := segment.Pipeline{Predictor: answer}
		if _, err := p.Run(t.Context(), img); err == nil {
			t.Errorf("%s: got a result, want an error", name)
		}
	}
}

func BenchmarkPipeline(b *testing.B) {
	img := &decode.Image{Rows: 2500, Columns: 2048, Samples: make([]float32, 2500*2048)}
	for i := range img.Samples {
		img.Samples[i] = float32((i*7919)%4096) / 2 * float32(i%2048) / 2048
	}
	p := segment.Pipeline{Predictor: dicomtest.Greys{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Run(b.Context(), img); err != nil {
			b.Fatal(err)
		}
	}
}
