package decode

import (
	"context"
	"errors"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/codec"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
)

// values are one frame's values: pixel after pixel, little endian.
type values struct {
	data      []byte
	bytes     int  // of a value: 1 or 2
	precision int  // of a codestream, bits; Bits Allocated of native pixels
	signed    bool // the codestream calls them signed
	lossy     bool // values may lie beside those that were encoded
}

// at is value i without regard to sign.
func (v *values) at(i int) int {
	if v.bytes == 1 {
		return int(v.data[i])
	}
	return int(v.data[2*i]) | int(v.data[2*i+1])<<8
}

// codestream has c decode a frame and checks that it suits the data set.
func codestream(ctx context.Context, transferSyntax string, frame []byte, m *Image, c Codec) (values, error) {
	if c == nil {
		return values{}, hint.Add(fmt.Errorf("%w: %s", codec.ErrMissing, uid.Name(transferSyntax)), codec.Hint)
	}
	px, err := c.Decode(ctx, codec.Frame{TransferSyntaxUID: transferSyntax, Rows: m.Rows, Columns: m.Columns, Samples: m.SamplesPerPixel, Code: frame})
	switch {
	case errors.Is(err, codec.ErrMalformed), errors.Is(err, codec.ErrTimeout), errors.Is(err, codec.ErrWorker):
		return values{}, fmt.Errorf("%w: %s: %w", ErrMalformed, uid.Name(transferSyntax), err)
	case errors.Is(err, codec.ErrMissing):
		return values{}, hint.Add(err, codec.Hint)
	case err != nil:
		return values{}, fmt.Errorf("decode pixel data: %w", err)
	case px.Precision > m.in.allocated:
		return values{}, fmt.Errorf("%w: codestream of %d bits, %d allocated", ErrMalformed, px.Precision, m.in.allocated)
	}
	m.Decoder = px.Warning
	return values{px.Data, px.Bytes, px.Precision, px.Signed, codec.Lossy(transferSyntax)}, nil
}

// frameSize is the size of a native frame, bytes.
func (m *Image) frameSize() int {
	samples := m.SamplesPerPixel
	if m.subsampled() {
		samples = 2
	}
	return m.Rows * m.Columns * samples * m.in.allocated / 8
}

func (m *Image) subsampled() bool { return m.Text(tag.PhotometricInterpretation) == "YBR_FULL_422" }

// native is a native frame, little endian, in one order of samples.
func (m *Image) native(data []byte) (values, error) {
	v := values{data: data, bytes: m.in.allocated / 8, precision: m.in.allocated}
	switch planar := m.Integers(tag.PlanarConfiguration); {
	case m.subsampled() && m.Columns%2 == 0:
		v.data = upsampled(v.data, v.bytes)
	case m.subsampled():
		return v, fmt.Errorf("%w: %d columns of two pixels each", ErrMalformed, m.Columns)
	case m.SamplesPerPixel > 1 && len(planar) == 1 && planar[0] == 1:
		v.data = byPixel(v.data, m.SamplesPerPixel, v.bytes)
	}
	return v, nil
}

// swapWords turns each pair of bytes around, but for a last single one.
func swapWords(data []byte) {
	for i := 0; i+1 < len(data); i += 2 {
		data[i], data[i+1] = data[i+1], data[i]
	}
}

// upsampled gives each pixel of YBR_FULL_422 its own chrominance: two pixels are stored
// as Y Y CB CR (PS3.3 C.7.6.3.1.2).
func upsampled(data []byte, size int) []byte {
	out := make([]byte, 0, len(data)/2*3)
	for p := data; len(p) >= 4*size; p = p[4*size:] {
		out = append(out, p[:size]...)
		out = append(out, p[2*size:4*size]...)
		out = append(out, p[size:4*size]...)
	}
	return out
}

// byPixel brings colour by plane into colour by pixel (PS3.3 C.7.6.3.1.3).
func byPixel(planes []byte, samples, size int) []byte {
	out := make([]byte, len(planes))
	pixels := len(planes) / samples / size
	for i := range pixels * samples {
		s, at := i%samples, i/samples
		copy(out[i*size:(i+1)*size], planes[(s*pixels+at)*size:])
	}
	return out
}
