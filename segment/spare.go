package segment

import "sync"

// spare has the memory of pictures that are not used any more, for the next image: to get and
// to clear new memory takes longer than to copy a picture into it.
var spare memory

// memory is safe for concurrent use.
type memory struct{ pool sync.Pool }

// take returns a picture of n pixels, which have any values.
func (m *memory) take(n int) []float32 {
	if pix, ok := m.pool.Get().(*[]float32); ok && cap(*pix) >= n {
		return (*pix)[:n]
	}
	return make([]float32, n)
}

// give gives a picture back, which must not be used afterwards.
func (m *memory) give(pix []float32) { m.pool.Put(&pix) }
