package body

import (
	"testing"

	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// BenchmarkView poses the phantom and measures path lengths on maps of 288×288.
func BenchmarkView(b *testing.B) {
	legs := Phantom()
	b.ResetTimer()
	for i := range b.N {
		legs.View(random.New(1, 1, i), view.MapSize)
	}
}
