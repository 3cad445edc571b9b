package decode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// furthest returns the largest difference between two images' samples.
func furthest(t *testing.T, a, b *decode.Image) (worst float32) {
	t.Helper()
	if a.Rows != b.Rows || a.Columns != b.Columns {
		t.Fatalf("%d×%d and %d×%d", a.Rows, a.Columns, b.Rows, b.Columns)
	}
	for i, v := range a.Samples {
		worst = max(worst, v-b.Samples[i], b.Samples[i]-v)
	}
	return worst
}

// Each real file in each encoding: lossless ones have the samples of the uncompressed file,
// lossy ones those of another decoder.
func TestEncodingsOfRealRadiographs(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	open := func(t *testing.T, name string) *decode.Image {
		img, err := decode.ReadFile(t.Context(), dicomtest.Shared(t, "dicom", name+".dcm"), p)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for _, c := range []struct{ name, same string }{
		{"RG3_JPLL", "RG3_UNC"}, {"RG3_JLSL", "RG3_UNC"}, {"RG3_J2KR", "RG3_UNC"}, {"RG3_HTJ2K_201_OpenJPHcodestream", "RG3_UNC"},
		{"RG3_RLE", "RG3_UNC"}, {"RG3_Deflated", "RG3_UNC"}, {"RG3_BigEndian", "RG3_UNC"}, {"RG3_ImplicitLE", "RG3_UNC"},
		{"RG2_HTJ2K_201_OpenJPHcodestream", "RG2_UNC"},
		{"canon_966", "canon_966_fixed"}, // the padding before its EOC removed
	} {
		t.Run(c.name, func(t *testing.T) {
			got, want := open(t, c.name), open(t, c.same)
			if worst := furthest(t, got, want); worst != 0 {
				t.Errorf("differs by %v", worst)
			}
		})
	}
	for name, size := range map[string][2]int{"kodak_hand_J2KR": {2500, 2048}, "highdicom_DX_dog_thorax_ELE": {0, 0}} {
		if img := open(t, name); size[0] > 0 && (img.Rows != size[0] || img.Columns != size[1]) {
			t.Errorf("%s: %d×%d", name, img.Rows, img.Columns)
		}
	}
	// A grey image with three samples per pixel.
	if img := open(t, "radoss_DX_pelvis_DDH1_J2K_RGB"); img.SamplesPerPixel != 3 || img.Inverted() || slices.Max(img.Samples) != 172 {
		t.Errorf("%d samples, largest %v", img.SamplesPerPixel, slices.Max(img.Samples))
	}
}

// Lossy codestreams match DCMTK's decoders, or OpenJPEG (through GDCM) to within one.
func TestLossyAgainstOtherDecoders(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, c := range []struct {
		name    string
		tool    []string
		allowed float32
	}{
		{"RG3_JPLY", []string{"dcmdjpeg"}, 0}, {"RG3_JLSN", []string{"dcmdjpls"}, 0}, {"RG3_J2KI", []string{"gdcmconv", "--raw"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, raw := dicomtest.Shared(t, "dicom", c.name+".dcm"), filepath.Join(t.TempDir(), "raw.dcm")
			convert(t, c.tool[0], append(c.tool[1:], path, raw)...)
			got, err := decode.ReadFile(t.Context(), path, p)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			// Pixel Data is the last element. A value beyond Bits Stored, which a lossy codec
			// may give, is limited to the largest value; masking it would turn white into
			// black.
			words, largest := file[len(file)-2*len(got.Samples):], float32(int(1)<<got.BitsStored-1)
			beyond := 0
			for i, v := range got.Samples {
				want := float32(binary.LittleEndian.Uint16(words[2*i:]))
				if want > largest {
					beyond, want = beyond+1, largest
				}
				if off := max(v-want, want-v); off > c.allowed {
					t.Fatalf("pixel %d is %v, want %v", i, v, want)
				}
			}
			t.Logf("%d pixels are beyond Bits Stored", beyond)
		})
	}
}

// convert runs another DICOM program. If it is missing the test is skipped, or fails with
// REQUIRE_PEERS=1.
func convert(t *testing.T, program string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
}

// A missing decoder does not make the image unsupported: a retry may succeed.
func TestDecoderMissing(t *testing.T) {
	path := dicomtest.Shared(t, "dicom", "RG3_J2KR.dcm")
	none := codectest.Open(t, codec.Options{Folder: t.TempDir()})
	for _, c := range []decode.Codec{nil, none} {
		_, err := decode.ReadFile(context.Background(), path, c)
		if !errors.Is(err, codec.ErrMissing) || errors.Is(err, decode.ErrUnsupported) || errors.Is(err, decode.ErrMalformed) {
			t.Errorf("have %v, want %v", err, codec.ErrMissing)
		}
	}
}

// stub is a codec that returns fixed values.
type stub struct {
	px    codec.Pixels
	err   error
	calls []codec.Frame
}

func (s *stub) Decode(_ context.Context, f codec.Frame, use func(codec.Pixels) error) error {
	s.calls = append(s.calls, f)
	if s.err != nil {
		return s.err
	}
	return use(s.px)
}

func readWith(t *testing.T, file []byte, c decode.Codec) (*decode.Image, error) {
	t.Helper()
	return decode.Read(t.Context(), bytes.NewReader(file), int64(len(file)), c)
}

// The meaning of a codestream's values comes from the data set: Bits Stored, sign, and the
// range if it is lossy.
func TestMeaningOfCodestreamValues(t *testing.T) {
	for name, c := range map[string]struct {
		transferSyntax     string
		stored, high       int
		signed             bool
		value              uint16
		size, precision    int
		codestreamIsSigned bool
		want               float32
	}{
		"10 bits in a codestream of 16":          {uid.JPEGLosslessSV1, 10, 9, false, 1023, 2, 16, false, 1023},
		"an overlay above the bits":              {uid.JPEGLosslessSV1, 10, 9, false, 0x8000 | 5, 2, 16, false, 5},
		"sign that JPEG has not":                 {uid.JPEGLosslessSV1, 12, 11, true, 0x0FFF, 2, 12, false, -1},
		"sign extended to 16 bits":               {uid.JPEGLosslessSV1, 12, 11, true, 0xFFFE, 2, 16, false, -2},
		"signed JPEG 2000":                       {uid.JPEG2000Lossless, 12, 11, true, 0xFFFD, 2, 12, true, -3},
		"signed JPEG 2000 of one byte":           {uid.JPEG2000Lossless, 16, 15, true, 0xFC, 1, 8, true, -4},
		"signed JPEG 2000, unsigned data":        {uid.JPEG2000Lossless, 12, 11, false, 0xFFFF, 2, 16, true, 4095},
		"high bits, whole words encoded":         {uid.JPEGLosslessSV1, 12, 15, false, 0x1230, 2, 16, false, 0x123},
		"high bits, stored bits encoded":         {uid.JPEGLosslessSV1, 12, 15, false, 0x123, 2, 12, false, 0x123},
		"lossy beyond the range":                 {uid.JPEGExtended12Bit, 10, 9, false, 1030, 2, 12, false, 1023},
		"lossy signed below the range":           {uid.JPEG2000, 10, 9, true, 0xFDF0, 2, 12, true, -512},
		"lossy signed within the range":          {uid.JPEG2000, 10, 9, true, 0xFFFF, 2, 12, true, -1},
		"near-lossless sign of two's complement": {uid.JPEGLSNearLossless, 12, 11, true, 0x0FFF, 2, 12, false, -1},
	} {
		m := dicomtest.Image{Rows: 1, Columns: 1, Bits: 16, Stored: c.stored, Signed: c.signed, HighBit: c.high,
			Photometric: "MONOCHROME2", Fragments: [][]byte{[]byte("code")}}
		data := []byte{byte(c.value), byte(c.value >> 8)}[:c.size]
		s := &stub{px: codec.Pixels{Values: bytes.NewReader(data), Bytes: c.size, Precision: c.precision, Signed: c.codestreamIsSigned}}
		img, err := readWith(t, m.Encode(c.transferSyntax), s)
		if err != nil || img.Samples[0] != c.want {
			t.Errorf("%s: %v, %v; want %v", name, img, err, c.want)
		}
	}
}

// Errors of a codestream are errors of the image; other errors are not.
func TestCodecErrors(t *testing.T) {
	m := dicomtest.Image{Rows: 1, Columns: 1, Bits: 8, Photometric: "MONOCHROME2", Fragments: [][]byte{[]byte("code")}}
	file := m.Encode(uid.JPEGBaseline8Bit)
	for _, c := range []struct {
		err, want error
		px        codec.Pixels
	}{
		{codec.ErrMalformed, decode.ErrMalformed, codec.Pixels{}},
		{codec.ErrTimeout, decode.ErrMalformed, codec.Pixels{}},
		{codec.ErrWorker, decode.ErrMalformed, codec.Pixels{}},
		{codec.ErrMissing, codec.ErrMissing, codec.Pixels{}},
		{context.Canceled, context.Canceled, codec.Pixels{}},
		{nil, decode.ErrMalformed, codec.Pixels{Values: bytes.NewReader([]byte{1, 0}), Bytes: 2, Precision: 12}}, // 8 bits allocated
	} {
		if _, err := readWith(t, file, &stub{px: c.px, err: c.err}); !errors.Is(err, c.want) || !errors.Is(c.want, decode.ErrMalformed) && errors.Is(err, decode.ErrMalformed) {
			t.Errorf("%v: have %v, want %v", c.err, err, c.want)
		}
	}
}

// Which fragments belong to a frame, whatever the Basic Offset Table says, and that no other
// frame is decoded (PS3.5 A.4).
func TestFragmentsOfAFrame(t *testing.T) {
	const soi, soc = "\xff\xd8\xff\xf7", "\xff\x4f\xff\x51"
	table := func(offsets ...uint32) (b []byte) {
		for _, o := range offsets {
			b = binary.LittleEndian.AppendUint32(b, o)
		}
		return b
	}
	for name, c := range map[string]struct {
		frames    int
		offsets   []byte
		fragments []string
		want      string // "" for malformed
	}{
		"one":                         {1, nil, []string{soi + "ab"}, soi + "ab"},
		"one in three":                {1, nil, []string{soi + "ab", "cd", "ef"}, soi + "abcdef"},
		"one in three, offsets wrong": {1, table(10), []string{soi + "ab", "cd", "ef"}, soi + "abcdef"},
		"one and an empty fragment":   {1, nil, []string{soi + "ab", ""}, soi + "ab"},
		"two":                         {2, table(0, 16), []string{soi + "ab", soi + "cd"}, soi + "ab"},
		"two, offsets wrong":          {2, table(8, 9), []string{soi + "ab", soi + "cd"}, soi + "ab"},
		"two in four":                 {2, table(0, 24), []string{soi + "ab", "cd", soi + "ef", "gh"}, soi + "abcd"},
		"two in four, no offsets":     {2, nil, []string{soc + "ab", "cd", soc + "ef", "gh"}, soc + "abcd"},
		"two in four, offsets wrong":  {2, table(0, 14), []string{soc + "ab", "cd", soc + "ef", "gh"}, soc + "abcd"},
		"two in three, nothing told":  {2, nil, []string{"ab", "cd", "ef"}, ""},
		"three announced, two there":  {3, nil, []string{soi + "ab", soi + "cd"}, ""},
		"none":                        {1, nil, nil, ""},
	} {
		m := dicomtest.Image{Rows: 1, Columns: 4, Bits: 8, Photometric: "MONOCHROME2", Offsets: c.offsets, Fragments: [][]byte{},
			Extra: []dicomtest.Attribute{{Tag: 0x00280008, VR: "IS", Value: c.frames}, {Tag: 0x00286010, VR: "US", Value: uint16(1)}}}
		for _, f := range c.fragments {
			m.Fragments = append(m.Fragments, []byte(f))
		}
		s := &stub{px: codec.Pixels{Values: bytes.NewReader([]byte{0, 0, 255, 255}), Bytes: 1, Precision: 8}}
		if len(c.fragments) == 0 {
			s.err = codec.ErrMalformed // as the pool answers for no bytes
		}
		_, err := readWith(t, m.Encode(uid.JPEG2000Lossless), s)
		switch {
		case c.want == "" && !errors.Is(err, decode.ErrMalformed):
			t.Errorf("%s: %v, want %v", name, err, decode.ErrMalformed)
		case c.want != "" && (err != nil || len(s.calls) != 1 || string(bytes.Join(s.calls[0].Code, nil)) != c.want):
			t.Errorf("%s: %v, %d decoded: %v", name, err, len(s.calls), s.calls)
		}
	}
}
