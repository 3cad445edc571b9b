package simulate

import (
	"io"
	"testing"
)

// BenchmarkView poses the phantom and measures path lengths on maps of 288×288.
func BenchmarkView(b *testing.B) {
	body := Phantom()
	b.ResetTimer()
	for i := range b.N {
		newView(body, newDice(1, 1, i), mapSize)
	}
}

// BenchmarkSample makes radiographs of 256 pixels from one view.
func BenchmarkSample(b *testing.B) {
	v := newView(Phantom(), newDice(1, 1, 0), mapSize)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		sample(v, newDice(1, 2, i), 256)
	}
}

// BenchmarkDX writes read-outs of 2500×2048 pixels.
func BenchmarkDX(b *testing.B) {
	b.SetBytes(2 * 2500 * 2048)
	b.ReportAllocs()
	for i := range b.N {
		if err := DX(io.Discard, Exposure{Rows: 2500, Columns: 2048, View: i}); err != nil {
			b.Fatal(err)
		}
	}
}
