package segment

import (
	"math"
	"runtime"
	"sync"
)

// Percentiles of the picture between which CanonicalPicture clips.
const (
	clipLow  = 0.001
	clipHigh = 0.999
)

// CanonicalPicture prepares a picture for XNet. pix is rows×cols, already air-bright
// (open beam high); it is clipped to its 0.1 and 99.9 percentiles, letterboxed to
// 200×200 by area averaging, its mean over the picture (not the padding) subtracted and
// divided by the largest absolute value: x is 1×1×200×200 float32 in [−1,1]. Padding has
// the picture's minimum. A constant picture is all 0. geo maps the answer back.
// It panics when rows or cols < 1 or len(pix) ≠ rows×cols.
func CanonicalPicture(pix []float32, rows, cols int) (x []float32, geo Geometry) {
	if rows < 1 || cols < 1 || len(pix) != rows*cols {
		panic("segment: CanonicalPicture: picture size does not match rows×cols")
	}
	geo = NewGeometry(rows, cols)
	q := quantiles(pix, clipLow, clipHigh)
	small := geo.down(pix, q[0], q[1])
	low := normalise(small)
	x = make([]float32, Side*Side)
	for i := range x {
		x[i] = low
	}
	for y := range geo.Height {
		copy(x[(geo.Top+y)*Side+geo.Left:], small[y*geo.Width:][:geo.Width])
	}
	return x, geo
}

// normalise subtracts the mean and divides by the largest absolute value, in place; it
// returns the new minimum.
func normalise(v []float32) (low float32) {
	var sum float64
	for _, a := range v {
		sum += float64(a)
	}
	mean := sum / float64(len(v))
	var peak float64
	for _, a := range v {
		peak = max(peak, math.Abs(float64(a)-mean))
	}
	if peak <= 1e-6*math.Abs(mean) || peak == 0 { // constant but for rounding
		clear(v)
		return 0
	}
	low = 1
	for i, a := range v {
		v[i] = float32(min(max((float64(a)-mean)/peak, -1), 1))
		low = min(low, v[i])
	}
	return low
}

// quantiles returns exact order statistics of v at each fraction q in [0,1], by a
// two-step radix selection on the bits of the finite values: no copy, no sorting.
// Without a finite value they are 0.
func quantiles(v []float32, qs ...float64) []float32 {
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
