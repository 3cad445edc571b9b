package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/raster"
	"dicomnode/internal/uid"
)

const (
	// MaxFile is the size of the largest file Read takes, bytes.
	MaxFile = 320 << 20
	// MaxPixels is the largest Rows×Columns Read takes.
	MaxPixels = 64 << 20
)

// ReadFile decodes the DICOM file at path; see [Read].
func ReadFile(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(f, info.Size())
}

// Read decodes the Part 10 file of size bytes that r holds: native pixels in
// implicit or explicit VR, little or big endian, deflated, and RLE Lossless; one sample
// per pixel, 8 or 16 bits allocated. Of a run the representative frame is decoded, or the
// one that shows most. Errors of the object are ErrUnsupported or
// ErrMalformed; others are r's.
func Read(r io.Reader, size int64) (*Image, error) {
	m, err := ReadFrames(r, size)
	if err == nil {
		m.frames = nil // the file's bytes are not needed any more
	}
	return m, err
}

// ReadFrames is Read for [Image.EachFrame]: the image keeps the file in memory.
func ReadFrames(r io.Reader, size int64) (*Image, error) {
	if size < 0 || size > MaxFile {
		return nil, fmt.Errorf("%w: file of %d bytes, at most %d", ErrUnsupported, size, MaxFile)
	}
	file := make([]byte, size)
	if n, err := io.ReadFull(r, file); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && size > 0 {
		return nil, fmt.Errorf("%w: want %d bytes, have %d", ErrMalformed, size, n)
	} else if err != nil && size > 0 {
		return nil, fmt.Errorf("read image: %w", err)
	}
	return decode(file)
}

func decode(file []byte) (*Image, error) {
	o, err := part10.Read(file)
	switch {
	case errors.Is(err, part10.ErrInflated):
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	case !o.Pixels.Present:
		return nil, fmt.Errorf("%w: no Pixel Data (7FE0,0010)", ErrMalformed)
	}
	if name, ok := compressed[o.TransferSyntaxUID]; ok {
		return nil, fmt.Errorf("%w: transfer syntax %s (%s)", ErrUnsupported, name, o.TransferSyntaxUID)
	}
	if o.Pixels.Encapsulated != (o.TransferSyntaxUID == uid.RLELossless) {
		return nil, fmt.Errorf("%w: pixel data do not suit transfer syntax %q", ErrUnsupported, printable(o.TransferSyntaxUID))
	}
	m := &Image{TransferSyntaxUID: o.TransferSyntaxUID, Forgiven: o.Forgiven, AsIs: o.AsIs}
	if m.Dataset, err = Parse(o); err != nil {
		return nil, err
	}
	if err := m.describe(); err != nil {
		return nil, err
	}
	if m.frames, err = newFrames(o, m); err != nil {
		return nil, err
	}
	return m, m.frames.choose()
}

// compressed are the transfer syntaxes (PS3.5 A.4) whose codecs are not here.
var compressed = map[string]string{
	uid.JPEGBaseline8Bit:        "JPEG Baseline",
	uid.JPEGExtended12Bit:       "JPEG Extended",
	uid.JPEGLossless:            "JPEG Lossless",
	uid.JPEGLosslessSV1:         "JPEG Lossless SV1",
	uid.JPEGLSLossless:          "JPEG-LS Lossless",
	uid.JPEGLSNearLossless:      "JPEG-LS Near-Lossless",
	uid.JPEG2000Lossless:        "JPEG 2000 Lossless",
	uid.JPEG2000:                "JPEG 2000",
	uid.JPEGXLLossless:          "JPEG XL Lossless",
	uid.JPEGXLJPEGRecompression: "JPEG XL JPEG Recompression",
	uid.JPEGXL:                  "JPEG XL",
	uid.HTJ2KLossless:           "HTJ2K Lossless",
	uid.HTJ2KLosslessRPCL:       "HTJ2K Lossless RPCL",
	uid.HTJ2K:                   "HTJ2K",
}

// printable keeps a peer's text fit for a log.
func printable(s string) string {
	b := []byte(s[:min(len(s), 64)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// Parse gives the elements that the reader has written anew to the library, which
// trusts its input in places: what panics there is malformed. It never sees Pixel Data.
func Parse(o *part10.Object) (ds dicom.Dataset, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: parse data set: the parser panicked", ErrMalformed)
		}
	}()
	in := io.MultiReader(bytes.NewReader(explicitMeta), bytes.NewReader(o.Elements))
	ds, err = dicom.Parse(in, int64(len(explicitMeta)+len(o.Elements)), nil, dicom.AllowUnknownSpecificCharacterSet())
	if err != nil { // the library's words may quote values, so they are not passed on
		return ds, fmt.Errorf("%w: parse data set: value and value representation do not agree", ErrMalformed)
	}
	n := 0
	for n < len(ds.Elements) && ds.Elements[n].Tag.Group == 2 {
		n++
	}
	ds.Elements = ds.Elements[n:]
	if !o.AsIs {
		return ds, nil
	}
	declared, err := dicom.NewElement(tag.SpecificCharacterSet, strings.Split(o.CharacterSet, `\`))
	if err != nil {
		return ds, fmt.Errorf("%w: Specific Character Set: %w", ErrMalformed, err)
	}
	ds.Elements = append([]*dicom.Element{declared}, ds.Elements...)
	return ds, nil
}

// explicitMeta is a preamble with file meta information that names explicit VR little
// endian, in which the reader writes, for the library (PS3.10 7.1).
var explicitMeta = append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00\x1c\x00\x00\x00"+
	"\x02\x00\x10\x00UI\x14\x00"+uid.ExplicitVRLittleEndian+"\x00"...)

// describe reads the Image Pixel module (PS3.3 C.7.6.3) and checks it.
func (m *Image) describe() error {
	m.SOPClassUID, m.SOPInstanceUID = m.Text(tag.SOPClassUID), m.Text(tag.SOPInstanceUID)
	var signed int
	for _, a := range []struct {
		tag       tag.Tag
		into      *int
		min, max  int
		otherwise int // when absent; derive leaves it to complete
	}{
		{tag.Rows, &m.Rows, 1, 65535, 0},
		{tag.Columns, &m.Columns, 1, 65535, 0},
		{tag.SamplesPerPixel, &m.SamplesPerPixel, 1, 4, 1},
		{tag.BitsAllocated, &m.BitsAllocated, 1, 64, 0},
		{tag.BitsStored, &m.BitsStored, 1, 64, derive},
		{tag.HighBit, &m.HighBit, 0, 63, derive},
		{tag.PixelRepresentation, &signed, 0, 1, 0},
		{tag.NumberOfFrames, &m.Frames, 0, 1 << 20, 1},
	} {
		v := m.Integers(a.tag)
		absent := len(v) == 0 && (m.Values(a.tag) == nil || m.Text(a.tag) == "")
		if absent {
			v = []int{a.otherwise}
		}
		if len(v) != 1 || v[0] < a.min && v[0] != derive || v[0] > a.max {
			return fmt.Errorf("%w: %s", ErrMalformed, outOfRange(a.tag, v, absent, a.min, a.max))
		}
		*a.into = v[0]
	}
	m.Signed = signed == 1
	m.complete()
	return m.supported()
}

const derive = -1

// outOfRange says what is wrong with an attribute that describes the pixels.
func outOfRange(t tag.Tag, v []int, absent bool, low, high int) string {
	name := part10.Tag(uint32(t.Group)<<16 | uint32(t.Element))
	switch {
	case absent:
		return fmt.Sprintf("no %v", name)
	case len(v) != 1:
		return fmt.Sprintf("%v: want one integer, have %d", name, len(v))
	}
	return fmt.Sprintf("%v: want %d to %d, have %d", name, low, high, v[0])
}

// complete takes what is missing or contradicts itself as DCMTK and pydicom do: all
// bits are stored, from bit 0 up, and there is a frame.
func (m *Image) complete() {
	if m.BitsStored == derive {
		m.BitsStored = m.BitsAllocated
		m.Forgiven.Add(part10.NoBitsStored, 0x00280101)
	}
	if m.HighBit == derive {
		m.HighBit = m.BitsStored - 1
	}
	if m.HighBit < m.BitsStored-1 || m.HighBit >= m.BitsAllocated && m.BitsStored <= m.BitsAllocated {
		m.HighBit = m.BitsStored - 1
		m.Forgiven.Add(part10.LowHighBit, 0x00280102)
	}
	if m.Frames == 0 {
		m.Frames = 1
		m.Forgiven.Add(part10.NoFrames, 0x00280008)
	}
}

func (m *Image) supported() error {
	switch {
	case m.SamplesPerPixel != 1:
		return fmt.Errorf("%w: %d samples per pixel", ErrUnsupported, m.SamplesPerPixel)
	case m.BitsAllocated != 8 && m.BitsAllocated != 16:
		return fmt.Errorf("%w: %d bits allocated", ErrUnsupported, m.BitsAllocated)
	case m.Rows*m.Columns > MaxPixels:
		return fmt.Errorf("%w: %d×%d pixels, at most %d", ErrUnsupported, m.Rows, m.Columns, MaxPixels)
	case m.BitsStored > m.BitsAllocated || m.HighBit >= m.BitsAllocated || m.HighBit < m.BitsStored-1:
		return fmt.Errorf("%w: %d bits stored up to bit %d of %d", ErrMalformed, m.BitsStored, m.HighBit, m.BitsAllocated)
	}
	switch p := m.Text(tag.PhotometricInterpretation); p {
	case "MONOCHROME1", "MONOCHROME2":
		return nil
	case "":
		return fmt.Errorf("%w: no Photometric Interpretation (0028,0004)", ErrMalformed)
	default:
		return fmt.Errorf("%w: photometric interpretation %q", ErrUnsupported, printable(p))
	}
}

// unpack turns the bytes of native pixels from sample first on into a frame's samples: byte
// order, unused high bits (also those an old overlay lies in, PS3.5 8.1.2) removed, sign
// extended.
func (m *Image) unpack(raw []byte, first int, p part10.Pixels) []float32 {
	samples := make([]float32, m.Rows*m.Columns)
	big := p.BigEndian
	shift := m.HighBit + 1 - m.BitsStored
	mask, sign := 1<<m.BitsStored-1, 0
	if m.Signed {
		sign = 1 << (m.BitsStored - 1)
	}
	// PS3.5 8.1.2 and annex D: 8-bit samples in OW are paired into words.
	swapped := big && m.BitsAllocated == 8 && p.VR == "OW"
	value := func(v int) float32 { return float32((v>>shift&mask ^ sign) - sign) }
	raster.Parallel(m.Rows, func(r int) {
		for i := r * m.Columns; i < (r+1)*m.Columns; i++ {
			switch k := first + i; {
			case swapped && k^1 < len(raw):
				samples[i] = value(int(raw[k^1]))
			case m.BitsAllocated == 8:
				samples[i] = value(int(raw[k]))
			case big:
				samples[i] = value(int(raw[2*k])<<8 | int(raw[2*k+1]))
			default:
				samples[i] = value(int(raw[2*k]) | int(raw[2*k+1])<<8)
			}
		}
	})
	return samples
}
