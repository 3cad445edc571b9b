package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/codec"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
)

// values are the values of one frame, color by pixel or by plane, little endian.
type values struct {
	from      io.ReaderAt
	planar    bool
	bytes     int    // of a value: 1 or 2
	precision int    // bits of the codestream, or Bits Allocated of native pixels
	signed    bool   // the codestream declares them signed
	lossy     bool   // values may differ from the encoded ones
	once      []byte // the values in memory, if nobody reads them again; otherwise nil
}

// inMemory returns values with Bits Allocated bits.
func (m *Image) inMemory(data []byte) values {
	return values{from: bytes.NewReader(data), bytes: m.in.allocated / 8, precision: m.in.allocated}
}

// codestream decodes a frame with c, checks that it matches the data set and calls use with its
// values. spend releases the memory of a frame that is decoded once; otherwise it is nil.
func codestream(ctx context.Context, transferSyntax string, fragments [][]byte, m *Image, c Codec, spend func(), use func(values) error) error {
	if c == nil {
		return hint.Add(fmt.Errorf("%w: %s", codec.ErrMissing, uid.Name(transferSyntax)), codec.Hint)
	}
	var used error
	f := codec.Frame{TransferSyntaxUID: transferSyntax, Rows: m.Rows, Columns: m.Columns, Samples: m.SamplesPerPixel, Code: fragments, Spend: spend}
	err := c.Decode(ctx, f, func(px codec.Pixels) error {
		m.Decoder = px.Warning
		if px.Precision > m.in.allocated {
			used = fmt.Errorf("%w: codestream of %d bits, %d allocated", ErrMalformed, px.Precision, m.in.allocated)
		} else {
			used = use(values{from: px.Values, planar: px.Planar, bytes: px.Bytes, precision: px.Precision, signed: px.Signed, lossy: codec.Lossy(transferSyntax)})
		}
		return used
	})
	switch {
	case used != nil:
		return used
	case errors.Is(err, codec.ErrMalformed), errors.Is(err, codec.ErrTimeout), errors.Is(err, codec.ErrWorker):
		return fmt.Errorf("%w: %s: %w", ErrMalformed, uid.Name(transferSyntax), err)
	case errors.Is(err, codec.ErrMissing):
		return hint.Add(err, codec.Hint)
	case err != nil:
		return fmt.Errorf("decode pixel data: %w", err)
	}
	return nil
}

// frameSize returns the size of a native frame in bytes.
func (m *Image) frameSize() int {
	samples := m.SamplesPerPixel
	if m.subsampled() {
		samples = 2
	}
	return m.Rows * m.Columns * samples * m.in.allocated / 8
}

func (m *Image) subsampled() bool { return m.Text(tag.PhotometricInterpretation) == "YBR_FULL_422" }

// native returns the values of a native frame in little endian.
func (m *Image) native(data []byte) (values, error) {
	v := m.inMemory(data)
	switch planar := m.Integers(tag.PlanarConfiguration); {
	case m.subsampled() && m.Columns%2 == 0:
		v.once = upsampled(data, v.bytes)
		v.from = bytes.NewReader(v.once)
	case m.subsampled():
		return v, fmt.Errorf("%w: %d columns of two pixels each", ErrMalformed, m.Columns)
	case m.SamplesPerPixel > 1 && len(planar) == 1 && planar[0] == 1:
		v.planar = true // PS3.3 C.7.6.3.1.3
	}
	if m.SamplesPerPixel > 1 && m.Frames == 1 && v.once == nil {
		v.once = data
	}
	return v, nil
}

// swapWords swaps the bytes of each pair; an odd last byte stays.
func swapWords(data []byte) {
	for i := 0; i+1 < len(data); i += 2 {
		data[i], data[i+1] = data[i+1], data[i]
	}
}

// upsampled converts YBR_FULL_422, in which two pixels are stored as Y Y CB CR (PS3.3
// C.7.6.3.1.2), to one CB and CR for each pixel.
func upsampled(data []byte, size int) []byte {
	out := make([]byte, 0, len(data)/2*3)
	for p := data; len(p) >= 4*size; p = p[4*size:] {
		out = append(out, p[:size]...)
		out = append(out, p[2*size:4*size]...)
		out = append(out, p[size:4*size]...)
	}
	return out
}
