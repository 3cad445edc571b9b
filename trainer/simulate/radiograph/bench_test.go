package radiograph

import (
	"testing"

	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// BenchmarkSample makes radiographs of 256 pixels from one view.
func BenchmarkSample(b *testing.B) {
	v := body.Phantom().View(random.New(1, 1, 0), view.MapSize)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		New(v, random.New(1, 2, i), 256)
	}
}
