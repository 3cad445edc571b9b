package compare

import (
	"math"
	"math/rand/v2"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Interval is a difference with its percentile bootstrap interval: images are drawn
// with replacement, the same for both sides, and pooled anew.
type Interval struct {
	Value float64 `json:"value"` // this − first, on the images as they are
	Low   float64 `json:"low"`   // 2.5 % of the resamples are below
	High  float64 `json:"high"`  // 2.5 % are above
}

// confidence is that of the intervals.
const confidence = 0.95

// bootstrap returns the intervals of figures of n images, of which draw lists those
// drawn. A resample whose figure is not a number is left out of that figure, and a figure that is
// none itself has no interval.
func bootstrap(n int, seed uint64, resamples int, figures func(draw []int) []float64) []*Interval {
	r := rand.New(rand.NewPCG(seed, 0))
	draw := make([]int, n)
	for i := range draw {
		draw[i] = i
	}
	observed := figures(draw)
	drawn := make([][]float64, len(observed))
	for range resamples {
		for i := range draw {
			draw[i] = r.IntN(n)
		}
		for k, v := range figures(draw) {
			if !math.IsNaN(v) {
				drawn[k] = append(drawn[k], v)
			}
		}
	}
	out := make([]*Interval, len(observed))
	for k, v := range observed {
		if !math.IsNaN(v) && len(drawn[k]) > 0 {
			out[k] = &Interval{Value: v}
			out[k].Low, out[k].High = percentiles(drawn[k])
		}
	}
	return out
}

// difference is that of accuracy and weighted F1 of b to a, pooled.
func difference(a, b []evaluate.Confusion, draw []int) (accuracy, f1 float64) {
	sa, sb := evaluate.Summarise(pool(a, draw)), evaluate.Summarise(pool(b, draw))
	return float64(sb.Accuracy - sa.Accuracy), float64(sb.WeightedF1 - sa.WeightedF1)
}

func pool(c []evaluate.Confusion, draw []int) (sum evaluate.Confusion) {
	for _, i := range draw {
		sum.Add(c[i])
	}
	return sum
}

func percentiles(v []float64) (low, high float64) {
	slices.Sort(v)
	return raster.Between(v, (1-confidence)/2), raster.Between(v, (1+confidence)/2)
}

// discordant counts pixels that only one of two entries has right.
type discordant struct{ onlyFirst, onlyThis int64 }

func (d *discordant) add(label, first, this []uint8) {
	for i, truth := range label {
		if truth == dataset.Ignore {
			continue
		}
		switch a, b := first[i] == truth, this[i] == truth; {
		case a && !b:
			d.onlyFirst++
		case b && !a:
			d.onlyThis++
		}
	}
}

// McNemar is McNemar's test of two entries on the same pixels (Psychometrika 12,
// 1947), with Edwards' continuity correction. It takes pixels as independent, which
// those of one image are not: P is too small.
type McNemar struct {
	OnlyFirst int64   `json:"only_first"` // pixels that only the first entry has right
	OnlyThis  int64   `json:"only_this"`
	ChiSquare float64 `json:"chi_square"` // one degree of freedom
	P         float64 `json:"p"`          // two-sided
}

func (d discordant) mcnemar() McNemar {
	m := McNemar{OnlyFirst: d.onlyFirst, OnlyThis: d.onlyThis, P: 1}
	if n := float64(d.onlyFirst + d.onlyThis); n > 0 {
		gap := max(math.Abs(float64(d.onlyFirst-d.onlyThis))-1, 0)
		m.ChiSquare = gap * gap / n
		m.P = math.Erfc(math.Sqrt(m.ChiSquare / 2))
	}
	return m
}

// SignTest counts images: on how many this entry's accuracy is higher or lower than the first
// one's. P is two-sided and exact; ties are left out.
type SignTest struct {
	Better int     `json:"better"`
	Worse  int     `json:"worse"`
	P      float64 `json:"p"`
}

func signTest(a, b []evaluate.Confusion) SignTest {
	var s SignTest
	for i := range a {
		switch d := evaluate.Summarise(b[i]).Accuracy - evaluate.Summarise(a[i]).Accuracy; {
		case d > 0:
			s.Better++
		case d < 0:
			s.Worse++
		}
	}
	s.P = binomial(min(s.Better, s.Worse), s.Better+s.Worse)
	return s
}

// binomial is the probability that n tosses of a coin show one side at most k times.
func binomial(k, n int) float64 {
	var sum float64
	all, _ := math.Lgamma(float64(n + 1))
	for i := 0; i <= k; i++ {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(all - a - b - float64(n)*math.Ln2)
	}
	return min(2*sum, 1)
}
