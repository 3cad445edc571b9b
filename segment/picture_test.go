package segment_test

import (
	"context"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// seen keeps what the network was shown.
type seen struct{ x []float32 }

func (s *seen) Predict(_ context.Context, x []float32) ([]float32, error) {
	s.x = slices.Clone(x)
	return slices.Repeat([]float32{1. / 3}, 3*len(x)), nil
}

// A picture trained on must be the one the node predicts from.
func TestPictureIsWhatTheNetworkSees(t *testing.T) {
	mono := dicomtest.DX(31, 45, 120)
	mono.Extra = nil
	for name, m := range map[string]dicomtest.Image{"for processing": dicomtest.DX(31, 45, 120), "as displayed": mono} {
		img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
		before := slices.Clone(img.Samples)
		net := &seen{}
		p := &segment.Pipeline{Predictor: net}
		if _, err := p.Run(context.Background(), img); err != nil {
			t.Fatal(err)
		}
		pix, _, _, err := p.Picture(img)
		if err != nil {
			t.Fatal(err)
		}
		if x, _ := picture.Canonical(pix, img.Rows, img.Columns); !slices.Equal(x, net.x) {
			t.Errorf("%s: the picture is not what the network saw", name)
		}
		if !slices.Equal(img.Samples, before) {
			t.Errorf("%s: the image was changed", name)
		}
	}
	if _, _, _, err := (&segment.Pipeline{}).Picture(&decode.Image{Rows: 2, Columns: 2}); err == nil {
		t.Error("an image without samples has a picture")
	}
}

// A picture is taken as the image of the same values and polarity would be.
func TestFromPicture(t *testing.T) {
	pix := []float32{0, 1, 2, 3, 4, 5}
	for airDark, want := range map[bool][]float32{true: {0, -1, -2, -3, -4, -5}, false: pix} {
		img := decode.FromPicture(pix, 2, 3, airDark)
		got, dark, polarity, err := (&segment.Pipeline{}).Picture(img)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) || dark.Method != "none" || polarity.Inverted != airDark {
			t.Errorf("air dark %v: %v, %+v, %+v, want %v", airDark, got, dark, polarity, want)
		}
	}
}
