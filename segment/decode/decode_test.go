package decode_test

import (
	"errors"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment/decode"
)

func TestEncodingsAgree(t *testing.T) {
	want, err := decode.ReadFile(dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	if want.Rows != 1760 || want.Columns != 1760 || slices.Max(want.Samples) != 1023 {
		t.Fatalf("RG3_UNC: %d×%d, largest sample %v", want.Rows, want.Columns, slices.Max(want.Samples))
	}
	for _, name := range []string{"ImplicitLE", "BigEndian", "Deflated", "RLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decode.ReadFile(dicomtest.Shared(t, "dicom", "RG3_"+name+".dcm"))
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

func TestCompressedIsUnsupported(t *testing.T) {
	for _, name := range []string{"RG3_J2KI", "RG3_J2KR", "RG3_JLSL", "RG3_JLSN", "RG3_JPLL", "RG3_JPLY", "RG3_HTJ2K_201_OpenJPHcodestream", "kodak_hand_J2KR", "canon_966", "radoss_DX_pelvis_DDH1_J2K_RGB"} {
		_, err := decode.ReadFile(dicomtest.Shared(t, "dicom", name+".dcm"))
		if !errors.Is(err, decode.ErrUnsupported) {
			t.Errorf("%s: got %v, want ErrUnsupported", name, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"RG2_UNC", "RG3_RLE", "RG3_Deflated"} {
		path := dicomtest.Shared(b, "dicom", name+".dcm")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := decode.ReadFile(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
