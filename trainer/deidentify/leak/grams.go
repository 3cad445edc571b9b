package leak

import "math/bits"

// stride is the distance between the offsets that are examined in pixels: any eight bytes contain
// four complete bytes that start at such an offset.
const stride = inPixels - 4 + 1

// grams is a Bloom filter of the four-byte sequences in the first eight bytes of the patterns
// that count in pixels, with one bit for each hash. It ignores the case of letters and may
// return false positives.
type grams struct {
	bits  []uint64 // the length is a power of two; nil if no pattern counts
	shift uint
}

func gramsOf(byPrefix map[uint32][]pattern) grams {
	n := 0
	each(byPrefix, func(uint32) { n++ })
	if n == 0 {
		return grams{}
	}
	words := bits.Len(uint(n)) // log2 of the length: at least 64 bits for each sequence
	g := grams{bits: make([]uint64, 1<<words), shift: uint(32 - 6 - words)}
	each(byPrefix, func(k uint32) { g.bits[g.slot(k)>>6] |= 1 << (g.slot(k) & 63) })
	return g
}

// each calls f for the four-byte sequences at the first leap offsets of every pattern that
// counts in pixels.
func each(byPrefix map[uint32][]pattern, f func(k uint32)) {
	for _, patterns := range byPrefix {
		for _, p := range patterns {
			for i := 0; p.counts(inPixels) && i < stride; i++ {
				f(uint32(p.bytes[i]) | uint32(p.bytes[i+1])<<8 | uint32(p.bytes[i+2])<<16 | uint32(p.bytes[i+3])<<24)
			}
		}
	}
}

// slot returns the hash of four bytes, with letters in lower case.
func (g grams) slot(k uint32) uint32 { return (k | 0x20202020) * 2654435761 >> g.shift }

func (g grams) has(k uint32) bool {
	s := g.slot(k)
	return g.bits[s>>6]>>(s&63)&1 == 1
}
