package codec_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
)

// mutate changes a codestream in a few places, half of the time in its headers only.
func mutate(r *rand.Rand, code []byte) []byte {
	b := append([]byte(nil), code...)
	limit := len(b)
	if r.IntN(2) == 0 {
		limit = min(limit, 300)
	}
	for range 1 + r.IntN(6) {
		at := r.IntN(limit)
		switch r.IntN(5) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.IntN(256))
		case 2:
			b[at] = []byte{0, 0xff, 0x7f, 0x80}[r.IntN(4)]
		case 3:
			if r.IntN(4) == 0 { // truncated, but with an end marker, so that a decoder gets it
				b = append(b[:1+r.IntN(len(b))], 0xff, 0xd9)
				limit = min(limit, len(b))
			}
		case 4:
			from := r.IntN(len(b))
			copy(b[at:], b[from:min(len(b), from+r.IntN(16))])
		}
	}
	return b
}

// TestMutatedStreams: a damaged codestream affects only itself. Each is decoded or refused, or
// its worker ends, and the pool continues. CODEC_MUTATIONS is the number of mutations, by
// default 1,000.
func TestMutatedStreams(t *testing.T) {
	n := 1000
	if s := os.Getenv("CODEC_MUTATIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	p := codectest.Open(t, codec.Options{Log: slog.New(slog.DiscardHandler), Deadline: time.Second})
	all, r := codectest.Streams(t), rand.New(rand.NewPCG(uint64(n), 1))
	counts := map[string]int{}
	for i := range n {
		s := all[r.IntN(len(all))]
		s.Frame.Code = [][]byte{mutate(r, s.Frame.Code[0])}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		px, err := codectest.Decode(ctx, p, s.Frame)
		cancel()
		switch {
		case err == nil:
			counts["decoded"]++
			if want := s.Frame.Rows * s.Frame.Columns * s.Frame.Samples * px.Bytes; len(px.Data) != want {
				t.Errorf("%s, mutation %d: %d bytes, want %d", s.Name, i, len(px.Data), want)
			}
		case errors.Is(err, codec.ErrMalformed):
			counts["refused"]++
		case errors.Is(err, codec.ErrTimeout):
			counts["too slow"]++
		case errors.Is(err, codec.ErrWorker):
			counts["ended its worker"]++
		default:
			t.Errorf("%s, mutation %d: %v", s.Name, i, err)
		}
	}
	t.Logf("%d mutations: %v", n, counts)
	if counts["refused"] < n/5 {
		t.Errorf("only %d of %d are refused: are they damaged?", counts["refused"], n)
	}
	s := good(t)
	if px, err := codectest.Decode(t.Context(), p, s.Frame); err != nil || s.Furthest(px) != 0 {
		t.Errorf("afterwards: %v", err)
	}
}
