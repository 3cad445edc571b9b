package raster

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Thin returns about n values of v, or v itself where it has no more: one of every step, an
// odd number, which is no multiple of a width that is a power of two.
func Thin(v []float32, n int) []float32 {
	step := len(v)/n | 1
	if step == 1 {
		return v
	}
	out := make([]float32, 0, len(v)/step+1)
	for i := 0; i < len(v); i += step {
		out = append(out, v[i])
	}
	return out
}

// Quantiles returns exact order statistics of v at each fraction q in [0,1]. Those that are
// all near an end take one look at each value; others are found by a two-step radix selection
// on the bits of the finite values: no copy, no sorting. Without a finite value they are 0.
func Quantiles(v []float32, qs ...float64) []float32 {
	area, rest := lines(v)
	if out, ok := area.ends(qs, rest...); ok {
		return out
	}
	return radix(v, qs)
}

// radix is Quantiles of any fractions.
func radix(v []float32, qs []float64) []float32 {
	high := bucketCounts(v, everyBucket)
	n := 0
	for _, c := range high {
		n += c
	}
	out := make([]float32, len(qs))
	if n == 0 {
		return out
	}
	for i, q := range qs {
		bucket, rest := rank(high, int(q*float64(n-1)+0.5))
		tail, _ := rank(bucketCounts(v, bucket), rest)
		out[i] = fromOrderedBits(uint32(bucket)<<16 | uint32(tail))
	}
	return out
}

const everyBucket = -1

// bucketCounts counts the finite values by the upper 16 of their ordered bits, or those of
// one such bucket by the lower 16.
func bucketCounts(v []float32, bucket int) []int {
	workers := min(runtime.GOMAXPROCS(0), 1+len(v)>>18)
	counts := make([][]int, workers)
	var wg sync.WaitGroup
	for w := range counts {
		wg.Go(func() {
			count := make([]int, 1<<16)
			for _, f := range v[w*len(v)/workers : (w+1)*len(v)/workers] {
				k, ok := orderedBits(f)
				if !ok {
					continue
				}
				if bucket == everyBucket {
					count[k>>16]++
				} else if int(k>>16) == bucket {
					count[k&0xffff]++
				}
			}
			counts[w] = count
		})
	}
	wg.Wait()
	for _, count := range counts[1:] {
		for i, n := range count {
			counts[0][i] += n
		}
	}
	return counts[0]
}

// rank finds the bucket that holds the k-th value, and its rank within the bucket.
func rank(count []int, k int) (bucket, rest int) {
	for i, c := range count {
		if k < c {
			return i, k
		}
		k -= c
	}
	return len(count) - 1, 0
}

// orderedBits maps finite floats to integers in the same order.
func orderedBits(f float32) (uint32, bool) {
	b := math.Float32bits(f)
	if b&0x7f800000 == 0x7f800000 {
		return 0, false
	}
	if b>>31 == 1 {
		return ^b, true
	}
	return b | 1<<31, true
}

func fromOrderedBits(k uint32) float32 {
	if k>>31 == 1 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}

// Nearest is the value of sorted nearest to fraction q, 0 to 1, of it; of the two in the
// middle the upper. It panics when there is none.
func Nearest[T float32 | float64](sorted []T, q float64) T {
	return sorted[place(len(sorted), q)]
}

// place is where fraction q of n sorted values lies; of two in the middle it is the upper.
func place(n int, q float64) int { return int(min(max(q, 0), 1)*float64(n-1) + 0.5) }

// Select is Nearest of values that are not sorted, whose order it changes. It panics when
// there are none.
func Select(v []float32, q float64) float32 { return Nth(v, place(len(v), q)) }

// Between interpolates linearly between the two values of sorted that lie around fraction
// q, 0 to 1, of it. It panics when there is none.
func Between[T float32 | float64](sorted []T, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	f := at - float64(i)
	return float64(sorted[i])*(1-f) + float64(sorted[min(i+1, len(sorted)-1)])*f
}

// Nth is the k-th least value of v, from 0, whose order it changes: Hoare's FIND, which looks at each
// value a few times. Values that lead it astray are sorted.
func Nth[T cmp.Ordered](v []T, k int) T {
	lo, hi := 0, len(v)-1
	for rounds := 0; lo < hi; rounds++ {
		if rounds == maxRounds {
			slices.Sort(v[lo : hi+1])
			break
		}
		a, b, c := v[lo], v[lo+(hi-lo)/2], v[hi]
		pivot := max(min(a, b), min(max(a, b), c)) // the median of three
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for pivot < v[j] {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		if k <= j {
			hi = j
		} else if k >= i {
			lo = i
		} else {
			break // between them lies the pivot
		}
	}
	return v[k]
}

// maxRounds of Nth are many more than any picture needs.
const maxRounds = 40
