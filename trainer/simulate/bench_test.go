package simulate

import (
	"io"
	"testing"
)

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
