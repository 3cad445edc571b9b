package segment_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/picture"
)

// sure is surer of pictures whose brighter half is larger, as radiographs with much open beam
// are, by that much.
type sure struct {
	by    float32
	asked int
}

func (s *sure) Predict(_ context.Context, x []float32) ([]float32, error) {
	s.asked++
	bright := 0
	for _, v := range x {
		if v > 0 {
			bright++
		}
	}
	top := float32(0.5)
	if bright > len(x)/2 {
		top += s.by
	}
	n := len(x)
	p := make([]float32, picture.Classes*n)
	for i := range n {
		for c := range picture.Classes {
			p[c*n+i] = (1 - top) / 2
		}
		p[i*3/n*n+i] = top // a third of each class
	}
	return p, nil
}

// fluoroscopy is an RF image that says nothing of the beam: much of it is of the value air.
func fluoroscopy(air, body int) dicomtest.Image {
	m := dicomtest.Image{Rows: 60, Columns: 60, Bits: 8, Photometric: "MONOCHROME2", Extra: []dicomtest.Attribute{
		{Tag: 0x00080016, VR: "UI", Value: uid.XRayRadiofluoroscopicImageStorage}, {Tag: 0x00281040, VR: "CS", Value: "DISP"}}}
	for i := range 60 * 60 {
		v := air
		if i%60 >= 25 && i%60 < 40 {
			v = body
		}
		m.Pixels = append(m.Pixels, v)
	}
	return m
}

// Where the attributes say nothing of the beam the picture decides; it says by how much, and
// warns where that is little. The network is asked no third time.
func TestThePictureDecides(t *testing.T) {
	for _, c := range []struct {
		air, body int
		by        float32
		inverted  bool
		warns     bool
	}{{200, 30, 0.3, false, false}, {30, 200, 0.3, true, false}, {30, 200, 0.01, true, true}} {
		net := &sure{by: c.by}
		p := segment.Pipeline{Predictor: net}
		res, err := p.Run(t.Context(), read(t, fluoroscopy(c.air, c.body).Encode(uid.ExplicitVRLittleEndian)))
		if err != nil {
			t.Fatal(err)
		}
		r := res.Polarity
		if !r.Undecided || r.Inverted != c.inverted || r.Margin < float64(c.by)*0.9 || r.Margin > float64(c.by)*1.1 || net.asked != 2 {
			t.Errorf("air %d: %+v, asked %d times", c.air, r, net.asked)
		}
		if w := res.Polarity.Warning; (w != "") != c.warns || c.warns && !strings.Contains(w, "open beam") || c.warns && res.Warnings()[0] != w {
			t.Errorf("air %d, by %v: warnings %q", c.air, c.by, res.Warnings())
		}
	}
}

// Padding is no part of the statistics, nor of the field where it is fill.
func TestPaddingIsLeftOut(t *testing.T) {
	inner := dicomtest.DX(50, 60, 300)
	plain := dicomtest.Image{Rows: 50, Columns: 60, Bits: 16, Photometric: "MONOCHROME2", Pixels: slices.Clone(inner.Pixels)}
	padded := plain
	padded.Columns, padded.Pixels = 90, nil
	for r := range 50 {
		padded.Pixels = append(padded.Pixels, slices.Repeat([]int{60000}, 30)...)
		padded.Pixels = append(padded.Pixels, plain.Pixels[r*60:][:60]...)
	}
	padded.Extra = []dicomtest.Attribute{{Tag: 0x00280120, VR: "US", Value: uint16(60000)}}
	p := segment.Pipeline{}
	want, _, _, err := p.Picture(read(t, plain.Encode(uid.ExplicitVRLittleEndian)))
	if err != nil {
		t.Fatal(err)
	}
	got, _, _, err := p.Picture(read(t, padded.Encode(uid.ExplicitVRLittleEndian)))
	if err != nil {
		t.Fatal(err)
	}
	for r := range 50 {
		if !slices.Equal(got[r*90+30:][:60], want[r*60:][:60]) || got[r*90] != slices.Min(want) {
			t.Fatalf("row %d differs, or its padding is %v", r, got[r*90])
		}
	}
	p.Predictor = dicomtest.Greys{}
	res, err := p.Run(t.Context(), read(t, padded.Encode(uid.ExplicitVRLittleEndian)))
	if err != nil {
		t.Fatal(err)
	}
	checkPartition(t, res)
	if res.Padding.Outside != 50*30 || res.Field[0] || res.FieldRecord.Fraction > 2./3 {
		t.Errorf("%+v, %+v", res.Padding, res.FieldRecord)
	}
}
