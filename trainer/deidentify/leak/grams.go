package leak

import "math/bits"

// leap is how far apart the places are at which pixels are looked at: of eight bytes in a
// row, four that begin at such a place are whole.
const leap = inPixels - 4 + 1

// grams tell which four bytes may stand among the first eight of what counts in pixels:
// a bit for each hash of them. It is blind to the case of letters, and sometimes wrong
// towards yes.
type grams struct {
	bits  []uint64 // a power of two of them; none where nothing counts
	shift uint
}

func gramsOf(byPrefix map[uint32][]pattern) grams {
	n := 0
	each(byPrefix, func(uint32) { n++ })
	if n == 0 {
		return grams{}
	}
	words := bits.Len(uint(n)) // as a power of two: 64 bits or more for each
	g := grams{bits: make([]uint64, 1<<words), shift: uint(32 - 6 - words)}
	each(byPrefix, func(k uint32) { g.bits[g.slot(k)>>6] |= 1 << (g.slot(k) & 63) })
	return g
}

// each calls f for the four bytes at each of the first places of every pattern that
// counts in pixels.
func each(byPrefix map[uint32][]pattern, f func(k uint32)) {
	for _, patterns := range byPrefix {
		for _, p := range patterns {
			for i := 0; p.counts(inPixels) && i < leap; i++ {
				f(uint32(p.bytes[i]) | uint32(p.bytes[i+1])<<8 | uint32(p.bytes[i+2])<<16 | uint32(p.bytes[i+3])<<24)
			}
		}
	}
}

// slot is the hash of four bytes, whose letters are taken for small ones.
func (g grams) slot(k uint32) uint32 { return (k | 0x20202020) * 2654435761 >> g.shift }

func (g grams) has(k uint32) bool {
	s := g.slot(k)
	return g.bits[s>>6]>>(s&63)&1 == 1
}
