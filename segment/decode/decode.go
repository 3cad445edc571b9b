package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/codec"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const (
	// MaxFile is the size in bytes of the largest file that Read accepts.
	MaxFile = 320 << 20
	// MaxPixels is the largest Rows×Columns that Read accepts.
	MaxPixels = 64 << 20
)

// Codec decodes one frame of the JPEG families, as [codec.Pool] does. The values are valid
// until use returns. Decode returns the error of use.
type Codec interface {
	Decode(ctx context.Context, f codec.Frame, use func(codec.Pixels) error) error
}

var _ Codec = (*codec.Pool)(nil)

// ReadFile decodes the DICOM file at path as [Read] does.
func ReadFile(ctx context.Context, path string, c Codec) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(ctx, f, info.Size(), c)
}

// Read decodes the Part 10 file of size bytes in r. It supports native pixels in implicit or
// explicit VR, little or big endian, deflated, RLE Lossless, and the JPEG, JPEG-LS and JPEG
// 2000 transfer syntaxes that c decodes. Pixels must have 8 or 16 bits allocated and be grey;
// three equal samples of 8 bits or a grey palette are accepted. Of several frames Read decodes the
// representative one, or the one with the largest range of values.
//
// Errors of the object are ErrUnsupported or ErrMalformed. If c, which may be nil, has no
// decoder for the object, the error is codec.ErrMissing, and a retry may succeed. Other errors
// are those of r and ctx.
func Read(ctx context.Context, r io.Reader, size int64, c Codec) (*Image, error) {
	m, err := ReadFrames(ctx, r, size, c)
	if err == nil {
		m.frames = nil // releases the file's bytes
	}
	return m, err
}

// ReadFrames is Read for use with [Image.EachFrame]: the image keeps the file in memory, and
// decodes its frames under ctx.
func ReadFrames(ctx context.Context, r io.Reader, size int64, c Codec) (*Image, error) {
	if size < 0 || size > MaxFile {
		return nil, fmt.Errorf("%w: file of %d bytes, at most %d", ErrUnsupported, size, MaxFile)
	}
	file := make([]byte, size)
	if n, err := io.ReadFull(r, file); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && size > 0 {
		return nil, fmt.Errorf("%w: want %d bytes, have %d", ErrMalformed, size, n)
	} else if err != nil && size > 0 {
		return nil, fmt.Errorf("read image: %w", err)
	}
	return decode(ctx, file, c)
}

func decode(ctx context.Context, file []byte, c Codec) (*Image, error) {
	o, err := part10.Read(file)
	switch {
	case errors.Is(err, part10.ErrInflated):
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	case !o.Pixels.Present:
		return nil, fmt.Errorf("%w: no Pixel Data (7FE0,0010)", ErrMalformed)
	}
	if name, ok := unsupported[o.TransferSyntaxUID]; ok {
		return nil, fmt.Errorf("%w: transfer syntax %s (%s)", ErrUnsupported, name, o.TransferSyntaxUID)
	}
	if o.Pixels.Encapsulated != (o.TransferSyntaxUID == uid.RLELossless || codec.Knows(o.TransferSyntaxUID)) {
		return nil, fmt.Errorf("%w: pixel data do not suit transfer syntax %q", ErrUnsupported, printable(o.TransferSyntaxUID))
	}
	m := &Image{TransferSyntaxUID: o.TransferSyntaxUID, Forgiven: o.Forgiven, AsIs: o.AsIs}
	if m.Dataset, err = Parse(o); err != nil {
		return nil, err
	}
	if err := m.describe(); err != nil {
		return nil, err
	}
	if m.frames, err = newFrames(ctx, file, o, m, c); err != nil {
		return nil, err
	}
	err = m.frames.choose()
	if m.Frames == 1 {
		m.frames = nil // its memory was released
	}
	return m, err
}

// unsupported are the transfer syntaxes of still images (PS3.5 A.4) that have no codec here.
var unsupported = map[string]string{
	uid.JPEGXLLossless:          "JPEG XL Lossless",
	uid.JPEGXLJPEGRecompression: "JPEG XL JPEG Recompression",
	uid.JPEGXL:                  "JPEG XL",
}

// printable makes a peer's text safe for a log.
func printable(s string) string {
	b := []byte(s[:min(len(s), 64)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// Parse parses the elements of o with the library, which does not check all of its input: a
// panic in it is returned as ErrMalformed. The library never gets Pixel Data.
func Parse(o *part10.Object) (ds dicom.Dataset, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: parse data set: the parser panicked", ErrMalformed)
		}
	}()
	in := io.MultiReader(bytes.NewReader(explicitMeta), bytes.NewReader(o.Elements))
	ds, err = dicom.Parse(in, int64(len(explicitMeta)+len(o.Elements)), nil, dicom.AllowUnknownSpecificCharacterSet())
	if err != nil { // not wrapped: the library's errors may contain values
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

// explicitMeta is a preamble and file meta information with explicit VR little endian, the
// transfer syntax of the elements that package part10 writes (PS3.10 7.1).
var explicitMeta = append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00\x1c\x00\x00\x00"+
	"\x02\x00\x10\x00UI\x14\x00"+uid.ExplicitVRLittleEndian+"\x00"...)
