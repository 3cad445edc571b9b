package decode_test

import (
	"context"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/decode"
)

func TestEncodingsAgree(t *testing.T) {
	want, err := decode.ReadFile(context.Background(), dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want.Rows != 1760 || want.Columns != 1760 || slices.Max(want.Samples) != 1023 {
		t.Fatalf("RG3_UNC: %d×%d, largest sample %v", want.Rows, want.Columns, slices.Max(want.Samples))
	}
	for _, name := range []string{"ImplicitLE", "BigEndian", "Deflated", "RLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decode.ReadFile(context.Background(), dicomtest.Shared(t, "dicom", "RG3_"+name+".dcm"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Samples, want.Samples) {
				t.Error("samples differ from UNC")
			}
			if got.SOPClassUID != want.SOPClassUID || got.BodyPart() != want.BodyPart() {
				t.Errorf("SOP class %q, body part %q", got.SOPClassUID, got.BodyPart())
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"RG2_UNC", "RG3_RLE", "RG3_Deflated"} {
		path := dicomtest.Shared(b, "dicom", name+".dcm")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := decode.ReadFile(context.Background(), path, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
