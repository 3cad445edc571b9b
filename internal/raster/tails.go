package raster

import (
	"math"
	"runtime"
	"sync"
)

// Tails are the values at the ends of a picture's distribution: a sample says about where a
// quantile near an end lies, and one look at every value counts what lies beyond.

const (
	leastTails = 1 << 12 // values; of fewer all are counted
	endShare   = 0.05    // a quantile up to this from an end is near it
	sampled    = 2048    // values of the sample
)

// Area are the Rows×Columns values of a picture from the first of V on, whose rows lie Stride
// apart.
type Area struct {
	V                     []float32
	Stride, Rows, Columns int
}

// Row is row r.
func (a Area) Row(r int) []float32 { return a.V[r*a.Stride:][:a.Columns] }

// Quantiles is the function of that name of an area.
func (a Area) Quantiles(qs ...float64) []float32 {
	if a.Stride == a.Columns {
		return Quantiles(a.V[:a.Rows*a.Columns], qs...)
	}
	if out, ok := a.ends(qs); ok {
		return out
	}
	all := make([]float32, 0, a.Rows*a.Columns)
	for r := range a.Rows {
		all = append(all, a.Row(r)...)
	}
	return radix(all, qs)
}

// lines cuts v into rows, and what is left of it.
func lines(v []float32) (a Area, rest []float32) {
	n := len(v) / block
	return Area{v, block, n, block}, v[n*block:]
}

// tail counts values by their ordered bits: beyond a bound on either side, and equal to it.
type tail struct {
	low, high             uint32 // the bounds
	below, above          []uint32
	atLow, atHigh, absent int // values that are a bound, and that are not finite
}

// ends are the quantiles of fractions that are all near an end; ok is false where they are not,
// or the sample misled.
func (a Area) ends(qs []float64, rest ...float32) (out []float32, ok bool) {
	n := a.Rows*a.Columns + len(rest)
	if n < leastTails {
		return nil, false
	}
	low, high := 0., 1.
	for _, q := range qs {
		switch beyond := q + 3*math.Sqrt(q/sampled) + 8./sampled; {
		case q <= endShare:
			low = max(low, beyond)
		case q >= 1-endShare:
			high = min(high, 1-((1-q)+3*math.Sqrt((1-q)/sampled)+8./sampled))
		default:
			return nil, false
		}
	}
	sample := a.sample(n)
	if len(sample) == 0 {
		return nil, false
	}
	from, to := float32(math.Inf(-1)), float32(math.Inf(1))
	if low > 0 {
		from = Select(sample, low)
	}
	if high < 1 {
		to = Select(sample, high)
	}
	t := a.beyond(from, to, rest)
	return t.quantiles(n, qs)
}

// sample are finite values that are evenly spread over the area.
func (a Area) sample(n int) []float32 {
	step := max(1, n/sampled) | 1
	out, at := make([]float32, 0, n/step+1), 0
	for r := range a.Rows {
		row := a.Row(r)
		for ; at < len(row); at += step {
			if f := row[at]; f-f == 0 {
				out = append(out, f)
			}
		}
		at -= len(row)
	}
	return out
}

// beyond counts the values of the area and the rest up to from and from to on.
func (a Area) beyond(from, to float32, rest []float32) tail {
	low, lowOK := orderedBits(from)
	high, highOK := orderedBits(to)
	if !lowOK {
		low = 0
	}
	if !highOK {
		high = math.MaxUint32
	}
	parts := make([]tail, min(runtime.GOMAXPROCS(0), 1+a.Rows*a.Columns>>16))
	var wg sync.WaitGroup
	for w := range parts {
		wg.Go(func() {
			t := tail{low: low, high: high}
			for r := w * a.Rows / len(parts); r < (w+1)*a.Rows/len(parts); r++ {
				t.count(a.Row(r), from, to)
			}
			parts[w] = t
		})
	}
	wg.Wait()
	all := parts[0]
	all.count(rest, from, to)
	for _, t := range parts[1:] {
		all.below, all.above = append(all.below, t.below...), append(all.above, t.above...)
		all.atLow, all.atHigh, all.absent = all.atLow+t.atLow, all.atHigh+t.atHigh, all.absent+t.absent
	}
	return all
}

// count looks at the values of a row; most lie between the bounds.
func (t *tail) count(row []float32, from, to float32) {
	for _, f := range row {
		if f > from && f < to {
			continue
		}
		k, finite := orderedBits(f)
		if !finite {
			t.absent++
			continue
		}
		switch {
		case k < t.low:
			t.below = append(t.below, k)
		case k > t.high:
			t.above = append(t.above, k)
		}
		if k == t.low {
			t.atLow++
		}
		if k == t.high {
			t.atHigh++
		}
	}
}

// quantiles are those of n values; ok is false where one does not lie at an end.
func (t *tail) quantiles(n int, qs []float64) (out []float32, ok bool) {
	if n -= t.absent; n == 0 {
		return make([]float32, len(qs)), true
	}
	for _, q := range qs {
		k := int(q*float64(n-1) + 0.5)
		fromTop := n - 1 - k
		var bits uint32
		switch {
		case q <= endShare && k < len(t.below):
			bits = Nth(t.below, k)
		case q <= endShare && k < len(t.below)+t.atLow:
			bits = t.low
		case q > endShare && fromTop < len(t.above):
			bits = Nth(t.above, len(t.above)-1-fromTop)
		case q > endShare && fromTop < len(t.above)+t.atHigh:
			bits = t.high
		default:
			return nil, false
		}
		out = append(out, fromOrderedBits(bits))
	}
	return out, true
}
