package evaluate

import "math"

// ranking is a histogram of one class's probability, apart for pixels labelled as
// the class and for the rest, from which its ROC curve and AUC are read. Bins are
// equally wide in the exponent and the leading mantissa bits of min(p, 1−p), so
// that they are finer the nearer p is to 0 or 1, where a network is sure. Memory
// does not grow with the pixels; what the bins cost in precision is known (auc).
type ranking struct {
	bits    int     // mantissa bits kept
	in, out []int64 // pixels per bin: labelled as the class, the rest
	from    int     // first bin in use
	to      int     // one past the last
}

const (
	rankExponents = 30         // probabilities are told apart down to 2⁻³⁰ from 0 and 1
	halfBits      = 0x3f000000 // float32 bits of ½
	fineBits      = 12         // of an image and of all images
	coarseBits    = 9          // of a body part
)

func newRanking(bits int) *ranking {
	n := 2*rankExponents<<bits + 1
	return &ranking{bits: bits, in: make([]int64, n), out: make([]int64, n), from: n}
}

// bin is that of probability p; bins have the order of probabilities.
func (r *ranking) bin(p float32) int {
	if p > 0.5 {
		return 2*rankExponents<<r.bits - r.low(1-p) // 1−p is exact here
	}
	return r.low(p)
}

// low is the bin of p ≤ ½.
func (r *ranking) low(p float32) int {
	return max(0, int(math.Float32bits(max(p, 0))>>(23-r.bits))-r.first())
}

func (r *ranking) first() int { return halfBits>>(23-r.bits) - rankExponents<<r.bits }

// probability is the edge of bin b that is nearer to ½.
func (r *ranking) probability(b int) float64 {
	middle := rankExponents << r.bits
	if b > middle {
		return 1 - r.probability(2*middle-b)
	}
	return float64(math.Float32frombits(uint32(b+r.first()) << (23 - r.bits)))
}

func (r *ranking) add(p float32, in bool) {
	b := r.bin(p)
	if in {
		r.in[b]++
	} else {
		r.out[b]++
	}
	r.from, r.to = min(r.from, b), max(r.to, b+1)
}

// addTo adds r's counts to dst, which has at most r's bits.
func (r *ranking) addTo(dst *ranking) {
	shift, top := r.bits-dst.bits, 2*rankExponents<<r.bits
	for b := r.from; b < r.to; b++ {
		if r.in[b] == 0 && r.out[b] == 0 {
			continue
		}
		d := b >> shift
		if b > top/2 {
			d = (top >> shift) - ((top - b) >> shift)
		}
		dst.in[d] += r.in[b]
		dst.out[d] += r.out[b]
		dst.from, dst.to = min(dst.from, d), max(dst.to, d+1)
	}
}

// reset makes r empty.
func (r *ranking) reset() {
	if r.from < r.to {
		clear(r.in[r.from:r.to])
		clear(r.out[r.from:r.to])
	}
	r.from, r.to = len(r.in), 0
}

// auc is the area under the ROC curve: how often a pixel of the class has a greater
// probability than another, ties counting half; all in one bin are ties. half is how
// far that may be from the area without bins. Undefined without pixels of both kinds.
func (r *ranking) auc() (area, half Value) {
	var below, pairs, ties float64
	var in int64
	for b := r.from; b < r.to; b++ {
		i, o := float64(r.in[b]), float64(r.out[b])
		pairs += i * (below + o/2)
		ties += i * o / 2
		below += o
		in += r.in[b]
	}
	if in == 0 || below == 0 {
		return undefined, undefined
	}
	all := float64(in) * below
	return Value(pairs / all), Value(ties / all)
}

// ROCPoint is a point of a ROC curve: the rates when pixels whose probability is
// Threshold or more are said to be of the class.
type ROCPoint struct {
	Threshold float64 `json:"threshold"`
	FPR       float64 `json:"fpr"`
	TPR       float64 `json:"tpr"`
}

// The least distance, along both axes together, between points kept of a curve.
const (
	rocStep     = 0.004
	rocPartStep = 0.02
)

// roc is the curve from (0,0) to (1,1); nil when it is undefined.
func (r *ranking) roc(step float64) []ROCPoint {
	var in, out int64
	for b := r.from; b < r.to; b++ {
		in, out = in+r.in[b], out+r.out[b]
	}
	if in == 0 || out == 0 {
		return nil
	}
	curve := []ROCPoint{{Threshold: 1}}
	var tp, fp int64
	for b := r.to - 1; b >= r.from; b-- {
		if r.in[b] == 0 && r.out[b] == 0 {
			continue
		}
		tp, fp = tp+r.in[b], fp+r.out[b]
		p, last := ROCPoint{r.probability(b), round6(ratio(fp, out)), round6(ratio(tp, in))}, curve[len(curve)-1]
		if b == r.from || p.FPR-last.FPR+p.TPR-last.TPR >= step {
			curve = append(curve, p)
		}
	}
	return curve
}

// round6 is v to six decimals, more than a curve needs.
func round6(v float64) float64 { return math.Round(1e6*v) / 1e6 }
