package codec_test

import (
	"archive/zip"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"testing"

	"dicomnode/internal/codec"
)

const streamRows, streamColumns = 40, 56

// stream is one entry of testdata/streams.zip; see make.py.
type stream struct {
	name       string
	frame      codec.Frame
	want       []byte // the samples
	exact      bool
	bits       int // Bits Stored
	signed     bool
	allocBytes int
}

// streams reads testdata/streams.zip.
func streams(tb testing.TB) (list []stream) {
	tb.Helper()
	z, err := zip.OpenReader("testdata/streams.zip")
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
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

func newStream(tb testing.TB, name string, files map[string][]byte) stream {
	tb.Helper()
	part := strings.Split(name, ".")
	s := stream{name: name, bits: 8, frame: codec.Frame{TransferSyntaxUID: "1.2.840.10008.1.2.4." + part[1],
		Rows: streamRows, Columns: streamColumns, Samples: 1, Code: files[name]}}
	s.want, s.exact = files[part[0]+".raw"], true
	if lossy, ok := files[name+".raw"]; ok {
		s.want, s.exact = lossy, false
	}
	if part[0] == "rgb" {
		s.frame.Samples = 3
	} else {
		bits := part[0][1:]
		if _, stated, ok := strings.Cut(bits, "in"); ok {
			bits = stated
		}
		var err error
		if s.bits, err = strconv.Atoi(bits); err != nil {
			tb.Fatal(err)
		}
		s.signed = part[0][0] == 's'
	}
	s.allocBytes = (s.bits + 7) / 8
	return s
}

// value is sample i of data as a data set with the stream's Bits Stored means it.
func (s stream) value(data []byte, bytes, i int) int {
	v := int(data[i*bytes])
	if bytes == 2 {
		v = int(binary.LittleEndian.Uint16(data[2*i:]))
	}
	v &= 1<<s.bits - 1
	if s.signed && v>>(s.bits-1) == 1 {
		v -= 1 << s.bits
	}
	return v
}

// furthest is the largest difference between px and what is wanted.
func (s stream) furthest(px codec.Pixels) (worst int) {
	for i := range s.frame.Rows * s.frame.Columns * s.frame.Samples {
		v, want := s.value(px.Data, px.Bytes, i), s.value(s.want, s.allocBytes, i)
		worst = max(worst, v-want, want-v)
	}
	return worst
}
