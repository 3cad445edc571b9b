package decode

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"dicomnode/internal/pages"
	"dicomnode/internal/raster"
)

// blockBytes is the approximate size of the values that each goroutine reads at a time, in
// addition to the samples made of them. It fits a processor's cache.
const blockBytes = 64 << 10

// blocks are reusable buffers for values.
var blocks = sync.Pool{New: func() any { return new([]byte) }}

// convert converts values to new samples: see convertInto.
func (m *Image) convert(v values, to func(samples []float32, data []byte)) ([]float32, error) {
	samples := make([]float32, m.Rows*m.Columns)
	return samples, m.convertInto(samples, v, to)
}

// convertInto converts values to samples, in blocks of rows on several goroutines. to sets the
// samples of a block from its values, color by pixel. Each value is read once.
func (m *Image) convertInto(samples []float32, v values, to func(samples []float32, data []byte)) error {
	rows := max(1, blockBytes/(m.Columns*m.SamplesPerPixel*v.bytes))
	var mu sync.Mutex
	var failed error
	var seen atomic.Uint32
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
		if v.precision > m.in.stored && !v.lossy { // a lossy codec keeps no overlay, but goes beyond the range
			seen.Or(v.anyBits(data))
		}
		to(samples[from:until], data)
	})
	m.Unused = seen.Load()&^uint32(m.storedBits()) != 0
	return failed
}

// anyBits returns the bits that any of the values has.
func (v *values) anyBits(data []byte) uint32 {
	var all [8]byte
	for ; len(data) >= 8; data = data[8:] {
		binary.LittleEndian.PutUint64(all[:], binary.LittleEndian.Uint64(all[:])|binary.LittleEndian.Uint64(data))
	}
	for i, b := range data {
		all[i] |= b
	}
	bits := 0
	for i := range len(all) / v.bytes {
		bits |= v.value(all[:], i)
	}
	return uint32(bits)
}

// storedBits are the bits of a pixel cell that are stored (PS3.5 8.1.1).
func (m *Image) storedBits() int { return (1<<m.in.stored - 1) << (m.in.high + 1 - m.in.stored) }

// pixels reads the values of pixels from to until−1 into room, which it enlarges if necessary.
func (v *values) pixels(from, until int, m *Image, room *[]byte) ([]byte, error) {
	size := (until - from) * m.SamplesPerPixel * v.bytes
	if len(*room) < 2*size {
		*room = make([]byte, 2*size)
	}
	data := (*room)[:size]
	if !v.planar {
		at := from * m.SamplesPerPixel * v.bytes
		_, err := v.from.ReadAt(data, int64(at))
		v.spend(at, size)
		return data, err
	}
	plane := (*room)[size:][:(until-from)*v.bytes]
	for s := range m.SamplesPerPixel {
		at := (s*m.Rows*m.Columns + from) * v.bytes
		if _, err := v.from.ReadAt(plane, int64(at)); err != nil {
			return nil, err
		}
		v.spend(at, len(plane))
		for i := 0; i < len(plane); i += v.bytes {
			copy(data[i*m.SamplesPerPixel+s*v.bytes:][:v.bytes], plane[i:])
		}
	}
	return data, nil
}

// spend releases memory of values that were read, if they are not read again.
func (v *values) spend(at, size int) {
	if v.once != nil {
		pages.Release(v.once[at:][:size])
	}
}

// value returns value i of data as an unsigned number.
func (v *values) value(data []byte, i int) int {
	if v.bytes == 1 {
		return int(data[i])
	}
	return int(data[2*i]) | int(data[2*i+1])<<8
}
