package decode

import (
	"fmt"
	"sync"

	"dicomnode/internal/raster"
)

// blockBytes is about how many bytes of values are in memory at a time beside the samples
// that are made of them, on each goroutine: what fits a processor's cache.
const blockBytes = 64 << 10

// blocks are buffers for values.
var blocks = sync.Pool{New: func() any { return new([]byte) }}

// convert makes samples of values, some rows at a time on several goroutines: to sets the
// samples of some pixels by their values, pixel after pixel. It takes each value once.
func (m *Image) convert(v values, to func(samples []float32, data []byte)) ([]float32, error) {
	samples := make([]float32, m.Rows*m.Columns)
	rows := max(1, blockBytes/(m.Columns*m.SamplesPerPixel*v.bytes))
	var mu sync.Mutex
	var failed error
	raster.Parallel((m.Rows+rows-1)/rows, func(b int) {
		from, until := b*rows*m.Columns, min((b+1)*rows, m.Rows)*m.Columns
		room := blocks.Get().(*[]byte)
		defer blocks.Put(room)
		data, err := v.pixels(from, until, m, room)
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = fmt.Errorf("read decoded values: %w", err)
			return
		}
		to(samples[from:until], data)
	})
	if failed != nil {
		return nil, failed
	}
	return samples, nil
}

// pixels reads the values of some pixels of m into room, which it makes larger where it must.
func (v *values) pixels(from, until int, m *Image, room *[]byte) ([]byte, error) {
	size := (until - from) * m.SamplesPerPixel * v.bytes
	if len(*room) < 2*size {
		*room = make([]byte, 2*size)
	}
	data := (*room)[:size]
	if !v.planar {
		_, err := v.from.ReadAt(data, int64(from*m.SamplesPerPixel*v.bytes))
		return data, err
	}
	plane := (*room)[size:][:(until-from)*v.bytes]
	for s := range m.SamplesPerPixel {
		if _, err := v.from.ReadAt(plane, int64((s*m.Rows*m.Columns+from)*v.bytes)); err != nil {
			return nil, err
		}
		for i := 0; i < len(plane); i += v.bytes {
			copy(data[i*m.SamplesPerPixel+s*v.bytes:][:v.bytes], plane[i:])
		}
	}
	return data, nil
}

// value is value i of data without regard to sign.
func (v *values) value(data []byte, i int) int {
	if v.bytes == 1 {
		return int(data[i])
	}
	return int(data[2*i]) | int(data[2*i+1])<<8
}
