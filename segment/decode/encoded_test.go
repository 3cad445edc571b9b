package decode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// encoding is a way to encode a picture, by another program.
type encoding struct {
	name           string
	picture        func(t *testing.T, rows, columns int) dicomtest.Image
	transferSyntax string
	encode         encoder
	allowed        float32 // greatest difference of a sample
}

// encoder returns a codestream.
type encoder func(*testing.T, dicomtest.Image) []byte

// encodings are those whose memory differs: several scans, tiles and layers, colour, and noise.
var encodings = []encoding{
	{"JPEG progressive", grey, uid.JPEGExtended12Bit, dcmtk("dcmcjpeg", "+ep"), 20},
	{"JPEG 4:2:2", colour, uid.JPEGBaseline8Bit, dcmtk("dcmcjpeg", "+eb"), 8},
	{"JPEG 4:4:4", colour, uid.JPEGBaseline8Bit, dcmtk("dcmcjpeg", "+eb", "+s4"), 8},
	{"JPEG RGB", colour, uid.JPEGBaseline8Bit, dcmtk("dcmcjpeg", "+eb", "+cr"), 8},
	{"JPEG in three scans", colour, uid.JPEGBaseline8Bit, threeScans(dcmtk("dcmcjpeg", "+eb")), 8},
	{"JPEG Lossless RGB", colour, uid.JPEGLosslessSV1, dcmtk("dcmcjpeg", "+e1"), 0},
	{"JPEG Lossless in three scans", colour, uid.JPEGLosslessSV1, threeScans(dcmtk("dcmcjpeg", "+e1")), 0},
	{"JPEG-LS by line", colour, uid.JPEGLSLossless, dcmtk("dcmcjpls", "+il"), 0},
	{"JPEG-LS by plane", colour, uid.JPEGLSLossless, dcmtk("dcmcjpls", "+in"), 0},
	{"JPEG 2000 tiles", grey, uid.JPEG2000Lossless, openjpeg("-t", "512,512"), 0},
	{"JPEG 2000 layers and tiles", grey, uid.JPEG2000Lossless, openjpeg("-r", "40,20,10,1", "-t", "1024,1024", "-p", "RPCL", "-n", "7"), 0},
	{"JPEG 2000 layers and tile-parts", grey, uid.JPEG2000Lossless, openjpeg("-r", "80,40,20,10,5,1", "-TP", "R"), 0},
	{"JPEG 2000 precincts", grey, uid.JPEG2000Lossless, openjpeg("-c", "[128,128]", "-b", "32,32"), 0},
	{"JPEG 2000 ICT", colour, uid.JPEG2000, openjpeg("-I", "-r", "10"), 8},
	{"JPEG 2000 RCT", colour, uid.JPEG2000Lossless, openjpeg(), 0},
	{"JPEG 2000 RGB", colour, uid.JPEG2000Lossless, openjpeg("-mct", "0"), 0},
	{"JPEG 2000 RCT, layers and tiles", colour, uid.JPEG2000Lossless, openjpeg("-r", "40,10,1", "-t", "512,512"), 0},
	{"HTJ2K tiles", grey, uid.HTJ2KLossless, openjph("-tile_size", "{512,512}"), 0},
	{"HTJ2K RCT", colour, uid.HTJ2KLossless, openjph(), 0},
	{"noise, JPEG Lossless", noise, uid.JPEGLosslessSV1, dcmtk("dcmcjpeg", "+e1"), 0},
	{"noise, JPEG-LS", noise, uid.JPEGLSLossless, dcmtk("dcmcjpls"), 0},
	{"noise, JPEG 2000", noise, uid.JPEG2000Lossless, openjpeg(), 0},
	{"noise, JPEG 2000 tiles", noise, uid.JPEG2000Lossless, openjpeg("-t", "512,512"), 0},
	{"noise, HTJ2K", noise, uid.HTJ2KLossless, openjph(), 0},
}

// Small pictures in every encoding have the samples of the picture.
func TestEncodings(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, c := range encodings {
		t.Run(c.name, func(t *testing.T) {
			m := c.picture(t, 203, 301)
			want := read(t, m.Encode(uid.ExplicitVRLittleEndian))
			for range 2 {
				got, err := readWith(t, c.file(t, m), p)
				if err != nil {
					t.Fatal(err)
				}
				if worst := furthest(t, got, want); worst > c.allowed {
					t.Errorf("differs by %v, at most %v", worst, c.allowed)
				}
			}
		})
	}
}

// What would need much more memory than its samples is refused, and other images are decoded
// after it.
func TestRefusedForMemory(t *testing.T) {
	p := codectest.Open(t, codec.Options{Workers: 1})
	for name, c := range map[string]struct {
		encoding
		want  string
		wants error
	}{
		"progressive colour":        {encoding{"", colour, uid.JPEGBaseline8Bit, dcmtk("dcmcjpeg", "+ep", "+s4"), 0}, "progressive JPEG in colour", decode.ErrMalformed},
		"two components in a scan":  {encoding{"", colour, uid.JPEGBaseline8Bit, mixedScans(threeScans(dcmtk("dcmcjpeg", "+eb"))), 0}, "several scans", decode.ErrMalformed},
		"code-blocks of 8×8":        {encoding{"", grey, uid.JPEG2000Lossless, openjpeg("-b", "8,8"), 0}, "code-blocks of 8x8 samples", decode.ErrMalformed},
		"tiles of HTJ2K in colour":  {encoding{"", colour, uid.HTJ2KLossless, openjph("-tile_size", "{64,64}"), 0}, "tiles of 3 samples", decode.ErrMalformed},
		"HTJ2K called JPEG 2000":    {encoding{"", colour, uid.JPEG2000Lossless, openjph(), 0}, "OpenJPH alone", decode.ErrMalformed},
		"noise that is cut short":   {encoding{"", noise, uid.JPEG2000Lossless, half(openjpeg()), 0}, "malformed codestream", decode.ErrMalformed},
		"three samples of 16 bits":  {encoding{"", colour16, uid.ExplicitVRLittleEndian, nil, 0}, "16 bits allocated for each of 3 samples", decode.ErrUnsupported},
		"three samples, compressed": {encoding{"", colour16, uid.JPEGLSLossless, dcmtk("dcmcjpls"), 0}, "16 bits allocated for each of 3 samples", decode.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readWith(t, c.file(t, c.picture(t, 203, 301)), p)
			if !errors.Is(err, c.wants) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have %v, want %v that says %q", err, c.wants, c.want)
			}
		})
	}
	for _, s := range codectest.Streams(t)[:5] {
		if _, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
			t.Error(s.Name, err)
		}
	}
}

// file returns a file with the encoded picture.
func (c *encoding) file(t *testing.T, m dicomtest.Image) []byte {
	t.Helper()
	if c.encode != nil {
		m.Fragments, m.Pixels = [][]byte{c.encode(t, m)}, nil
	}
	return m.Encode(c.transferSyntax)
}

// grey is a part of a radiograph of 10 bits.
func grey(t *testing.T, rows, columns int) dicomtest.Image {
	img, err := decode.ReadFile(t.Context(), dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := dicomtest.Image{Rows: rows, Columns: columns, Bits: 16, Stored: 10, Photometric: "MONOCHROME2", Extra: identified}
	for row := range slices.Chunk(img.Samples, img.Columns) {
		if rows--; rows < 0 {
			break
		}
		for _, v := range row[:columns] {
			m.Pixels = append(m.Pixels, int(v))
		}
	}
	return m
}

// identified are attributes that encoders want.
var identified = []dicomtest.Attribute{attribute(0x00080016, "UI", uid.SecondaryCaptureImageStorage), attribute(0x00080018, "UI", "2.25.1")}

// colour is the same with 8 bits, as three equal samples by pixel.
func colour(t *testing.T, rows, columns int) dicomtest.Image {
	m := grey(t, rows, columns)
	one := m.Pixels
	m.Bits, m.Stored, m.Samples, m.Photometric, m.Pixels = 8, 8, 3, "RGB", nil
	for _, v := range one {
		m.Pixels = append(m.Pixels, v>>2, v>>2, v>>2)
	}
	m.Extra = append(slices.Clip(identified), attribute(0x00280006, "US", uint16(0)))
	return m
}

func colour16(t *testing.T, rows, columns int) dicomtest.Image {
	m := colour(t, rows, columns)
	m.Bits, m.Stored = 16, 16
	return m
}

// noise cannot be compressed.
func noise(_ *testing.T, rows, columns int) dicomtest.Image {
	m := dicomtest.Image{Rows: rows, Columns: columns, Bits: 16, Photometric: "MONOCHROME2", Extra: identified}
	random := rand.New(rand.NewPCG(1, 2))
	for range rows * columns {
		m.Pixels = append(m.Pixels, random.IntN(1<<16))
	}
	return m
}

// dcmtk encodes with a program that converts DICOM files.
func dcmtk(program string, args ...string) encoder {
	return func(t *testing.T, m dicomtest.Image) []byte {
		t.Helper()
		from, to := filepath.Join(t.TempDir(), "native.dcm"), filepath.Join(t.TempDir(), "encoded.dcm")
		write(t, from, m.Encode(uid.ExplicitVRLittleEndian))
		convert(t, program, append(slices.Clip(args), from, to)...)
		o, err := part10.Read(written(t, to))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Join(o.Pixels.Fragments, nil)
	}
}

func openjpeg(args ...string) encoder { return netpbm("opj_compress", ".j2k", args...) }

func openjph(args ...string) encoder {
	return netpbm("ojph_compress", ".j2c", append(args, "-reversible", "true")...)
}

// netpbm encodes with a program that reads PGM and PPM.
func netpbm(program, suffix string, args ...string) encoder {
	return func(t *testing.T, m dicomtest.Image) []byte {
		t.Helper()
		kind, name, bits := "P5", "image.pgm", m.Stored
		if m.Samples == 3 {
			kind, name = "P6", "image.ppm"
		}
		if bits == 0 {
			bits = m.Bits
		}
		picture := fmt.Appendf(nil, "%s\n%d %d\n%d\n", kind, m.Columns, m.Rows, 1<<bits-1)
		for _, v := range m.Pixels {
			if m.Bits == 16 {
				picture = append(picture, byte(v>>8))
			}
			picture = append(picture, byte(v))
		}
		from, to := filepath.Join(t.TempDir(), name), filepath.Join(t.TempDir(), "image"+suffix)
		write(t, from, picture)
		convert(t, program, append(slices.Clip(args), "-i", from, "-o", to)...)
		return written(t, to)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// threeScans makes a codestream with each component in a scan of its own (T.81 A.2.2) from one
// of the first component.
func threeScans(encode encoder) encoder {
	return func(t *testing.T, m dicomtest.Image) []byte {
		one := m
		one.Samples, one.Photometric, one.Pixels, one.Extra = 1, "MONOCHROME2", nil, identified
		for i := 0; i < len(m.Pixels); i += 3 {
			one.Pixels = append(one.Pixels, m.Pixels[i])
		}
		return codectest.ThreeScans(t, encode(t, one))
	}
}

// mixedScans says that the second scan has two components.
func mixedScans(encode encoder) encoder {
	return func(t *testing.T, m dicomtest.Image) []byte {
		code := encode(t, m)
		const scan, length, components = "\xFF\xDA", 3, 4
		second := bytes.LastIndex(code, []byte(scan))
		code[second+length], code[second+components] = code[second+length]+2, 2
		return slices.Insert(code, second+7, 3, 0)
	}
}

// half cuts the data of the only tile-part.
func half(encode encoder) encoder {
	return func(t *testing.T, m dicomtest.Image) []byte {
		code := encode(t, m)
		sot := bytes.Index(code, []byte("\xFF\x90\x00\x0A"))
		cut := len(code) * 8 / 10
		binary.BigEndian.PutUint32(code[sot+6:], uint32(cut-sot))
		return append(code[:cut:cut], 0xFF, 0xD9)
	}
}
