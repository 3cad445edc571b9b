package codectest

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/dicomtest"
)

const streamRows, streamColumns = 40, 56

//go:embed streams.zip
var archive []byte

// Stream is an entry of streams.zip, which make.py writes: a small picture as an encoder wrote
// it.
type Stream struct {
	Name   string // PICTURE.SYNTAX.ENCODER, such as u12.70.dcmtk
	Frame  codec.Frame
	Want   []byte // the samples, little endian, with as many bytes as Bits need
	Exact  bool   // lossless
	Bits   int    // Bits Stored
	Signed bool
}

// Image returns an image with the stream as its only frame, without a SOP instance.
func (s Stream) Image() dicomtest.Image {
	m := dicomtest.Image{Rows: s.Frame.Rows, Columns: s.Frame.Columns, Bits: 8 * s.width(), Stored: s.Bits, Samples: s.Frame.Samples,
		Signed: s.Signed, Photometric: "MONOCHROME2", Fragments: [][]byte{bytes.Clone(s.Frame.Code[0])}}
	if m.Samples == 3 {
		m.Photometric = "RGB"
	}
	return m
}

// width returns the number of bytes of a sample in a data set.
func (s Stream) width() int { return (s.Bits + 7) / 8 }

// Streams returns all streams.
func Streams(tb testing.TB) (list []Stream) {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		tb.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			tb.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			tb.Fatal(err)
		}
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".raw") {
			list = append(list, newStream(tb, f.Name, files))
		}
	}
	if len(list) < 80 {
		tb.Fatalf("only %d streams", len(list))
	}
	return list
}

func newStream(tb testing.TB, name string, files map[string][]byte) Stream {
	tb.Helper()
	part := strings.Split(name, ".")
	s := Stream{Name: name, Bits: 8, Frame: codec.Frame{TransferSyntaxUID: "1.2.840.10008.1.2.4." + part[1],
		Rows: streamRows, Columns: streamColumns, Samples: 1, Code: [][]byte{files[name]}}}
	s.Want, s.Exact = files[part[0]+".raw"], true
	if lossy, ok := files[name+".raw"]; ok {
		s.Want, s.Exact = lossy, false
	}
	if part[0] == "rgb" {
		s.Frame.Samples = 3
	} else {
		bits := part[0][1:]
		if _, stated, ok := strings.Cut(bits, "in"); ok {
			bits = stated
		}
		var err error
		if s.Bits, err = strconv.Atoi(bits); err != nil {
			tb.Fatal(err)
		}
		s.Signed = part[0][0] == 's'
	}
	return s
}

// value returns sample i of data, interpreted with the stream's Bits Stored.
func (s Stream) value(data []byte, bytes, i int) int {
	v := int(data[i*bytes])
	if bytes == 2 {
		v = int(binary.LittleEndian.Uint16(data[2*i:]))
	}
	v &= 1<<s.Bits - 1
	if s.Signed && v>>(s.Bits-1) == 1 {
		v -= 1 << s.Bits
	}
	return v
}

// Decoded is a frame whose values were copied from the worker's memory.
type Decoded struct {
	codec.Pixels
	Data []byte // color by pixel
}

// Decode decodes one frame with p.
func Decode(ctx context.Context, p *codec.Pool, f codec.Frame) (d Decoded, err error) {
	err = p.Decode(ctx, f, func(px codec.Pixels) error {
		d.Pixels, d.Data = px, make([]byte, f.Rows*f.Columns*f.Samples*px.Bytes)
		_, err := px.Values.ReadAt(d.Data, 0)
		if px.Planar {
			d.Data = byPixel(d.Data, f.Samples, px.Bytes)
		}
		return err
	})
	return d, err
}

// byPixel converts color by plane to color by pixel.
func byPixel(planes []byte, samples, size int) (out []byte) {
	pixels := len(planes) / samples / size
	for i := range pixels * samples {
		out = append(out, planes[(i%samples*pixels+i/samples)*size:][:size]...)
	}
	return out
}

// Furthest returns the largest difference between px and the expected samples.
func (s Stream) Furthest(px Decoded) (worst int) {
	for i := range s.Frame.Rows * s.Frame.Columns * s.Frame.Samples {
		v, want := s.value(px.Data, px.Bytes, i), s.value(s.Want, s.width(), i)
		worst = max(worst, v-want, want-v)
	}
	return worst
}
