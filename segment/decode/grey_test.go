package decode_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

func attribute(tag uint32, vr string, value any) dicomtest.Attribute {
	return dicomtest.Attribute{Tag: tag, VR: vr, Value: value}
}

// Grey images with three samples per pixel, native and in RLE, color by pixel and by plane.
func TestGreyAsColour(t *testing.T) {
	grey := []int{0, 7, 200, 255, 31, 99}
	rgb := dicomtest.Image{Rows: 2, Columns: 3, Bits: 8, Samples: 3, Photometric: "RGB"}
	ybr, planes := rgb, rgb
	ybr.Photometric = "YBR_FULL"
	for range 3 {
		planes.Pixels = append(planes.Pixels, grey...)
	}
	for _, v := range grey {
		rgb.Pixels = append(rgb.Pixels, v, v, v)
		ybr.Pixels = append(ybr.Pixels, v, 128, 128)
	}
	rgb.Extra = []dicomtest.Attribute{attribute(0x00280006, "US", uint16(0))}
	planes.Extra = []dicomtest.Attribute{attribute(0x00280006, "US", uint16(1))}
	coloured := rgb
	coloured.Pixels = slices.Clone(rgb.Pixels)
	coloured.Pixels[4]++
	want := []float32{0, 7, 200, 255, 31, 99}
	for _, ts := range syntaxes {
		for name, m := range map[string]dicomtest.Image{"RGB": rgb, "YBR_FULL": ybr, "planes": planes} {
			if name == "planes" && ts == uid.RLELossless {
				continue // RLE is always by plane (PS3.5 G.2)
			}
			img := read(t, m.Encode(ts))
			if !slices.Equal(img.Samples, want) || img.Inverted() {
				t.Errorf("%s in %s: %v", name, ts, img.Samples)
			}
		}
		if _, err := readWith(t, coloured.Encode(ts), nil); !errors.Is(err, decode.ErrUnsupported) {
			t.Errorf("colour in %s: %v", ts, err)
		}
	}
}

// Planes that are read in several parts, native and from a codec.
func TestGreyInPlanes(t *testing.T) {
	const rows, columns = 301, 203
	m := dicomtest.Image{Rows: rows, Columns: columns, Bits: 8, Samples: 3, Photometric: "RGB", Extra: []dicomtest.Attribute{attribute(0x00280006, "US", uint16(1))}}
	var data []byte
	for i := range 3 * rows * columns {
		v := i % (rows * columns) % 251
		m.Pixels = append(m.Pixels, v)
		data = append(data, byte(v))
	}
	check := func(name string, img *decode.Image, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, v := range img.Samples {
			if v != float32(m.Pixels[i]) {
				t.Fatalf("%s: sample %d is %v, want %d", name, i, v, m.Pixels[i])
			}
		}
	}
	img, err := readWith(t, m.Encode(uid.ExplicitVRLittleEndian), nil)
	check("native", img, err)
	m.Fragments = [][]byte{[]byte("code")}
	file := m.Encode(uid.JPEGLSLossless)
	px := codec.Pixels{Values: bytes.NewReader(data), Planar: true, Bytes: 1, Precision: 8}
	img, err = readWith(t, file, &stub{px: px})
	check("codec", img, err)
	px.Values = bytes.NewReader(data[:len(data)-1])
	if _, err := readWith(t, file, &stub{px: px}); !errors.Is(err, io.EOF) || errors.Is(err, decode.ErrMalformed) {
		t.Errorf("a value is missing: %v", err)
	}
}

// Native YBR_FULL_422 has one chrominance for two pixels.
func TestGreyAs422(t *testing.T) {
	m := dicomtest.Image{Rows: 1, Columns: 4, Bits: 8, Samples: 3, Photometric: "YBR_FULL_422", Pixels: []int{5, 6, 128, 128, 7, 8, 128, 128}}
	if img := read(t, m.Encode(uid.ExplicitVRLittleEndian)); !slices.Equal(img.Samples, []float32{5, 6, 7, 8}) {
		t.Errorf("%v", img.Samples)
	}
}

// The greatest difference between the samples of a lossy codestream, and their possible
// meanings.
func TestGreyOfLossyCodestreams(t *testing.T) {
	for name, c := range map[string]struct {
		transferSyntax, photometric string
		pixel                       []byte
		want                        float32 // -1: colour
	}{
		"equal":                    {uid.JPEG2000, "YBR_ICT", []byte{9, 9, 9}, 9},
		"two apart":                {uid.JPEG2000, "YBR_ICT", []byte{9, 11, 10}, 10},
		"three apart":              {uid.JPEG2000, "YBR_ICT", []byte{9, 12, 10}, -1},
		"one apart, lossless":      {uid.JPEG2000Lossless, "YBR_RCT", []byte{9, 10, 9}, -1},
		"YBR":                      {uid.JPEGBaseline8Bit, "YBR_FULL_422", []byte{9, 128, 129}, 9},
		"YBR, coloured":            {uid.JPEGBaseline8Bit, "YBR_FULL_422", []byte{9, 128, 131}, -1},
		"YBR that is called RGB":   {uid.JPEGBaseline8Bit, "RGB", []byte{200, 128, 128}, 200},
		"RGB that is called YBR":   {uid.JPEGBaseline8Bit, "YBR_FULL", []byte{200, 200, 200}, 200},
		"JPEG-LS has no transform": {uid.JPEGLSNearLossless, "RGB", []byte{200, 128, 128}, -1},
	} {
		m := dicomtest.Image{Rows: 1, Columns: 1, Bits: 8, Samples: 3, Photometric: c.photometric, Fragments: [][]byte{[]byte("code")}}
		img, err := readWith(t, m.Encode(c.transferSyntax), &stub{px: codec.Pixels{Values: bytes.NewReader(c.pixel), Bytes: 1, Precision: 8}})
		switch {
		case c.want < 0 && !errors.Is(err, decode.ErrUnsupported):
			t.Errorf("%s: %v, want %v", name, err, decode.ErrUnsupported)
		case c.want >= 0 && (err != nil || img.Samples[0] != c.want):
			t.Errorf("%s: %v %v, want %v", name, img, err, c.want)
		}
	}
}

func TestPalette(t *testing.T) {
	words := func(v ...int) (b []byte) {
		for _, x := range v {
			b = append(b, byte(x), byte(x>>8))
		}
		return b
	}
	with := func(descriptor, red, green []byte) dicomtest.Image {
		return dicomtest.Image{Rows: 1, Columns: 4, Bits: 8, Photometric: "PALETTE COLOR", Pixels: []int{0, 1, 2, 5}, Extra: []dicomtest.Attribute{
			attribute(0x00281101, "US", descriptor), attribute(0x00281102, "US", descriptor), attribute(0x00281103, "US", descriptor),
			attribute(0x00281201, "OW", red), attribute(0x00281202, "OW", green), attribute(0x00281203, "OW", red),
		}}
	}
	grey := words(100, 40000, 7)
	for name, c := range map[string]struct {
		m    dicomtest.Image
		want []float32
		bits int
		err  error
	}{
		"16 bits":            {with(words(3, 0, 16), grey, grey), []float32{100, 40000, 7, 7}, 16, nil},
		"first value is 1":   {with(words(3, 1, 16), grey, grey), []float32{100, 100, 40000, 7}, 16, nil},
		"8 bits in words":    {with(words(3, 0, 8), words(1, 2, 3), words(1, 2, 3)), []float32{1, 2, 3, 3}, 8, nil},
		"8 bits packed":      {with(words(4, 0, 8), []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}), []float32{1, 2, 3, 4}, 8, nil},
		"colours":            {with(words(3, 0, 16), grey, words(100, 40001, 7)), nil, 0, decode.ErrUnsupported},
		"colour of no pixel": {with(words(4, 0, 16), words(1, 2, 3, 4), words(1, 2, 3, 4)), []float32{1, 2, 3, 4}, 16, nil},
		"too short":          {with(words(0, 0, 16), grey, grey), nil, 0, decode.ErrMalformed},
		"no descriptor":      {with(words(3), grey, grey), nil, 0, decode.ErrUnsupported},
	} {
		img, err := readWith(t, c.m.Encode(uid.ExplicitVRLittleEndian), nil)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if err == nil && (!slices.Equal(img.Samples, c.want) || img.BitsStored != c.bits) {
			t.Errorf("%s: %v of %d bits", name, img.Samples, img.BitsStored)
		}
	}
}
