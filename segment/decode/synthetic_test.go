package decode_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

func read(t testing.TB, b []byte) *decode.Image {
	t.Helper()
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

var syntaxes = []string{
	uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian,
	uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless,
}

func TestDecodeSynthetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		rows, cols, bits, stored int
		signed                   bool
	}{{7, 9, 16, 12, false}, {7, 9, 8, 8, false}, {5, 4, 16, 16, true}, {3, 3, 16, 10, true}, {1, 300, 8, 7, false}, {70, 6, 16, 12, true}, {70, 6, 8, 8, false}} { // 70 rows are shared among goroutines
		m := dicomtest.Image{Rows: c.rows, Columns: c.cols, Bits: c.bits, Stored: c.stored, Signed: c.signed, Photometric: "MONOCHROME2"}
		var want []float32
		for range c.rows * c.cols {
			v := r.IntN(1 << c.stored)
			pixel := v
			if c.stored < c.bits { // an overlay in the unused high bits must be ignored
				pixel |= r.IntN(2) << (c.bits - 1)
			}
			if c.signed && v >= 1<<(c.stored-1) {
				v -= 1 << c.stored
			}
			want, m.Pixels = append(want, float32(v)), append(m.Pixels, pixel)
		}
		for _, ts := range syntaxes {
			if got := read(t, m.Encode(ts)); !slices.Equal(got.Samples, want) || got.Rows != c.rows {
				t.Errorf("%+v in %s: samples differ", c, ts)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	base := dicomtest.DX(4, 5, 10)
	with := func(f func(m *dicomtest.Image)) []byte {
		m := base
		m.Extra = slices.Clone(base.Extra)
		f(&m)
		return m.Encode(uid.ExplicitVRLittleEndian)
	}
	whole := base.Encode(uid.ExplicitVRLittleEndian)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"empty":     {nil, decode.ErrMalformed},
		"cut off":   {whole[:len(whole)-3], decode.ErrMalformed},
		"colour":    {with(func(m *dicomtest.Image) { m.Photometric = "RGB" }), decode.ErrUnsupported},
		"too few":   {with(func(m *dicomtest.Image) { m.Rows = 50 }), decode.ErrMalformed},
		"too large": {with(func(m *dicomtest.Image) { m.Rows, m.Columns = 60000, 60000 }), decode.ErrUnsupported},
		"no rows":   {with(func(m *dicomtest.Image) { m.Rows = 0 }), decode.ErrMalformed},
		"stored":    {with(func(m *dicomtest.Image) { m.Stored = 20 }), decode.ErrMalformed},
		"frames": {with(func(m *dicomtest.Image) {
			m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "3"})
		}), decode.ErrMalformed},
		"frames words": {with(func(m *dicomtest.Image) {
			m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "many"})
		}), decode.ErrMalformed},
	} {
		if _, err := decode.Read(context.Background(), bytes.NewReader(c.file), int64(len(c.file)), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func FuzzRLE(f *testing.F) {
	m := dicomtest.DX(6, 5, 10).Encode(uid.RLELossless)
	f.Add(m[len(m)-8-160:len(m)-8], uint16(30), true)
	head := make([]byte, 64)
	head[0], head[4] = 1, 64
	f.Add(append(head, 3, 1, 2, 3, 4, 0xFE, 9), uint16(7), false)
	f.Fuzz(func(t *testing.T, b []byte, pixels uint16, wide bool) {
		size := 1
		if wide {
			size = 2
		}
		out, err := decode.DecodeRLE(b, int(pixels), 1, size)
		if err == nil && len(out) != int(pixels)*size {
			t.Fatalf("%d bytes for %d pixels", len(out), pixels)
		}
	})
}
