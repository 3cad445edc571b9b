package decode_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// A deflated data set is inflated only up to the end of its Pixel Data, however much follows.
func TestDecodeUnfoldsNoMoreThanAnnounced(t *testing.T) {
	whole := dicomtest.DX(300, 300, 10).Encode(uid.ExplicitVRLittleEndian)
	want := read(t, whole)
	zeros := make([]byte, 64<<20)
	for name, c := range map[string]struct {
		plain []byte
		err   error
	}{
		"pixels, then zeros":      {append(slices.Clip(dataset(whole)), zeros...), nil},
		"zeros only":              {zeros, decode.ErrMalformed},
		"pixels beyond the limit": {append(pixelHeader(0xFFFFFFF0), zeros...), decode.ErrMalformed},
		"pixels cut off":          {append(pixelHeader(100<<20), zeros...), decode.ErrMalformed},
	} {
		file := deflated(t, c.plain)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		img, err := decode.Read(context.Background(), bytes.NewReader(file), int64(len(file)), nil)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", name, err, c.err)
		}
		if err == nil && !slices.Equal(img.Samples, want.Samples) {
			t.Errorf("%s: samples differ", name)
		}
		if n := after.TotalAlloc - before.TotalAlloc; c.err == nil && n > 16<<20 {
			t.Errorf("%s: %d bytes allocated for %d pixels", name, n, len(want.Samples))
		}
	}
}

// dataset returns the data set after the file meta information, whose first element is its
// length.
func dataset(file []byte) []byte {
	return file[144+binary.LittleEndian.Uint32(file[140:]):]
}

// pixelHeader returns the header of Pixel Data (7FE0,0010), OW.
func pixelHeader(length uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("\xE0\x7F\x10\x00OW\x00\x00"), length)
}

// deflated converts a file to Deflated Explicit VR Little Endian.
func deflated(t *testing.T, plain []byte) []byte {
	t.Helper()
	whole := dicomtest.DX(1, 1, 10).Encode(uid.DeflatedExplicitVRLittleEndian)
	b := bytes.NewBuffer(slices.Clone(whole[:len(whole)-len(dataset(whole))]))
	w, err := flate.NewWriter(b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
