package classical

import "math"

// MultiOtsu divides the histogram of the picture into three classes such that the
// variance between them is greatest: open beam the brightest, bone the darkest
// (Otsu, IEEE Trans. SMC 9(1), 1979; several thresholds: Liao et al., 2001). The
// optimum is exact for the given bins.
type MultiOtsu struct {
	Bins int `json:"bins"` // of the histogram; 256
}

// DefaultMultiOtsu returns the defaults.
func DefaultMultiOtsu() MultiOtsu { return MultiOtsu{Bins: 256} }

// Name implements Method.
func (MultiOtsu) Name() string { return "multi-otsu" }

// Check implements Method.
func (m MultiOtsu) Check() error { return within(limit{"bins", float64(m.Bins), 3, 4096}) }

// Segment implements Method.
func (m MultiOtsu) Segment(p Picture) []uint8 {
	dark, bright := m.thresholds(p)
	out := make([]uint8, len(p.V))
	for i, v := range p.V {
		out[i] = byGrey(v, dark, bright)
	}
	return out
}

// thresholds are grey values: below dark is bone, bright and above is open beam.
func (m MultiOtsu) thresholds(p Picture) (dark, bright float64) {
	t := OtsuThresholds(p.histogram(m.Bins), 3)
	return edge(t[0], m.Bins), edge(t[1], m.Bins)
}

// byGrey is the class of a grey value.
func byGrey(v, dark, bright float64) uint8 {
	switch {
	case v >= bright:
		return open
	case v >= dark:
		return soft
	}
	return bone
}

// openBeam marks the brightest of three Otsu classes, the open beam of methods
// that begin without it.
func openBeam(p Picture) []bool {
	_, bright := DefaultMultiOtsu().thresholds(p)
	out := make([]bool, len(p.V))
	for i, v := range p.V {
		out[i] = v >= bright
	}
	return out
}

// bin is that of a value 0..1 among n.
func bin(v float64, n int) int { return min(max(int(v*float64(n)), 0), n-1) }

// edge is the least value above bin b of n.
func edge(b, n int) float64 { return float64(b+1) / float64(n) }

// OtsuThresholds returns the classes−1 bins after which histogram h is cut so that
// the variance between the classes is greatest, ascending: bins 0..t[0] are the
// first class. Every class gets at least one bin; among equals the lowest bins
// win. len(h) must be at least classes, and classes at least 1.
//
// The weighted squares of the class means add up over classes, so that the best
// cut of the first bins into k classes follows from the best cuts into k−1
// (dynamic programming): exact, in classes·bins² steps.
func OtsuThresholds(h []float64, classes int) []int {
	weight, moment := make([]float64, len(h)+1), make([]float64, len(h)+1)
	for i, n := range h {
		weight[i+1] = weight[i] + n
		moment[i+1] = moment[i] + n*float64(i)
	}
	return bestCuts(len(h), classes, func(a, b int) float64 { // bins a..b−1
		w, m := weight[b]-weight[a], moment[b]-moment[a]
		if w == 0 {
			return 0
		}
		return m * m / w
	})
}

// bestCuts divides bins 0..n−1 into runs such that the sum of gain(a, b), of the
// bins a..b−1, is greatest, and returns the last bin of each run but the last.
func bestCuts(n, runs int, gain func(a, b int) float64) []int {
	best := make([]float64, n+1) // [b]: of the first b bins in so many runs
	for b := 1; b <= n; b++ {
		best[b] = gain(0, b)
	}
	from := make([][]int, runs+1) // [k][b]: where the k-th run begins
	for k := 2; k <= runs; k++ {
		next := make([]float64, n+1)
		from[k] = make([]int, n+1)
		for b := k; b <= n; b++ {
			next[b] = math.Inf(-1)
			for a := k - 1; a < b; a++ {
				if g := best[a] + gain(a, b); g > next[b] {
					next[b], from[k][b] = g, a
				}
			}
		}
		best = next
	}
	cuts := make([]int, runs-1)
	for k, b := runs, n; k > 1; k-- {
		b = from[k][b]
		cuts[k-2] = b - 1
	}
	return cuts
}
