package segment_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

func FuzzDecode(f *testing.F) {
	for _, ts := range []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian,
		uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless} {
		f.Add(dicomtest.DX(6, 5, 10).Encode(ts))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			if !errors.Is(err, decode.ErrMalformed) && !errors.Is(err, decode.ErrUnsupported) {
				t.Fatalf("error of neither kind: %v", err)
			}
			return
		}
		if len(img.Samples) != img.Rows*img.Columns {
			t.Fatalf("%d samples for %d×%d", len(img.Samples), img.Rows, img.Columns)
		}
		if len(img.Samples) < 1<<12 {
			p := segment.Pipeline{Predictor: dicomtest.Greys{}}
			res, err := p.Run(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			checkPartition(t, res)
		}
	})
}
