package classical

import (
	"container/heap"
	"math"
)

// Entropy follows Bandyopadhyay, Chanda and Bhattacharya, "Entropy-based automatic
// segmentation of bones in digital X-ray images" (PReMI 2011): the entropy of each
// pixel's neighbourhood is high along contours, of bones in flesh and of flesh in
// the open beam, and low inside each of them.
//
// The parts of the method that the published abstract leaves open are: the contour
// zone is where the local entropy is above the threshold that Otsu's criterion
// gives for it; each connected patch outside of the zone takes the class of its
// mean grey between two thresholds that make the entropies of the three parts of
// the histogram greatest together (Kapur, Sahoo and Wong, 1985; exact); patches
// then grow into the zone, the pixel nearest in grey first, so that they meet at
// the contour; and islands below MinIsland pixels go to the class around them.
// Where no patch reaches, the grey thresholds decide.
type Entropy struct {
	Window    int `json:"window"`     // side of the neighbourhood in pixels, odd; 5
	Levels    int `json:"levels"`     // grey levels that the local entropy tells apart; 64
	Bins      int `json:"bins"`       // of the grey histogram; 256
	MinPatch  int `json:"min_patch"`  // pixels of a patch that may grow; 6
	MinIsland int `json:"min_island"` // pixels; 12
}

// DefaultEntropy returns the defaults.
func DefaultEntropy() Entropy {
	return Entropy{Window: 5, Levels: 64, Bins: 256, MinPatch: 6, MinIsland: 12}
}

// Name implements Method.
func (Entropy) Name() string { return "entropy" }

// Check implements Method.
func (m Entropy) Check() error {
	odd := 1 - 2*math.Abs(math.Mod(float64(m.Window), 2)-1) // 1 where odd, −1 where even
	return within(limit{"window", odd * float64(m.Window), 3, 31}, limit{"levels", float64(m.Levels), 2, 256}, limit{"bins", float64(m.Bins), 3, 1024},
		limit{"min_patch", float64(m.MinPatch), 1, Side * Side}, limit{"min_island", float64(m.MinIsland), 0, Side * Side})
}

// Segment implements Method.
func (m Entropy) Segment(p Picture) []uint8 {
	cuts := KapurThresholds(histogram(p.V, m.Bins), 3)
	dark, bright := edge(cuts[0], m.Bins), edge(cuts[1], m.Bins)
	zone := m.contours(p)
	out := make([]uint8, len(p.V))
	for i, v := range p.V {
		out[i] = byGrey(v, dark, bright)
	}
	g := growing{picture: p, classes: out, done: make([]bool, len(p.V))}
	for _, patch := range components(p.Height, p.Width, func(i, j int) bool { return !zone[i] && !zone[j] }) {
		if zone[patch[0]] || len(patch) < m.MinPatch {
			continue
		}
		level := meanOf(p.V, patch)
		for _, i := range patch {
			out[i] = byGrey(level, dark, bright)
			g.add(i, level)
		}
	}
	g.run()
	removeIslands(out, p.Height, p.Width, m.MinIsland)
	return out
}

// contours marks where the local entropy is high.
func (m Entropy) contours(p Picture) []bool {
	e := localEntropy(p, m.Window, m.Levels)
	_, top := bounds(e)
	out := make([]bool, len(e))
	if top == 0 {
		return out
	}
	for i := range e {
		e[i] /= top
	}
	t := edge(OtsuThresholds(histogram(e, m.Bins), 2)[0], m.Bins)
	for i, v := range e {
		out[i] = v >= t
	}
	return out
}

// localEntropy is the Shannon entropy, in bits, of the grey levels in each pixel's
// window; the border is repeated outwards.
func localEntropy(p Picture, window, levels int) []float64 {
	area, r := window*window, window/2
	term := make([]float64, area+1)
	for n := 1; n <= area; n++ {
		q := float64(n) / float64(area)
		term[n] = -q * math.Log2(q)
	}
	out := make([]float64, len(p.V))
	count := make([]int, levels)
	for i := range out {
		clear(count)
		for k := range area {
			count[bin(clampAt(p.V, p.Height, p.Width, i/p.Width+k/window-r, i%p.Width+k%window-r), levels)]++
		}
		for _, n := range count {
			out[i] += term[n]
		}
	}
	return out
}

// KapurThresholds returns the classes−1 bins after which histogram h is cut so that
// the sum of the classes' entropies is greatest; order, ties and exactness are
// those of OtsuThresholds.
func KapurThresholds(h []float64, classes int) []int {
	weight, plogp := make([]float64, len(h)+1), make([]float64, len(h)+1)
	for i, n := range h {
		weight[i+1], plogp[i+1] = weight[i]+n, plogp[i]
		if n > 0 {
			plogp[i+1] += n * math.Log(n)
		}
	}
	return bestCuts(len(h), classes, func(a, b int) float64 {
		w := weight[b] - weight[a]
		if w == 0 {
			return 0
		}
		return math.Log(w) - (plogp[b]-plogp[a])/w
	})
}

// growing extends classified patches over the rest of a picture.
type growing struct {
	picture Picture
	classes []uint8
	done    []bool
	queue   fronts
}

// add takes pixel i into a patch of mean grey level and queues its neighbours.
func (g *growing) add(i int, level float64) {
	g.done[i] = true
	neighbours(i, g.picture.Height, g.picture.Width, func(j int) {
		if !g.done[j] {
			heap.Push(&g.queue, front{math.Abs(g.picture.V[j] - level), g.queue.pushed(), j, g.classes[i], level})
		}
	})
}

func (g *growing) run() {
	for g.queue.Len() > 0 {
		f := heap.Pop(&g.queue).(front) // only fronts are pushed
		if !g.done[f.pixel] {
			g.classes[f.pixel] = f.class
			g.add(f.pixel, f.level)
		}
	}
}

// front is a pixel beside a patch.
type front struct {
	distance float64 // in grey, to the patch
	order    int     // breaks ties: first come, first served
	pixel    int
	class    uint8
	level    float64 // mean grey of the patch
}

// fronts is a heap.Interface, the nearest front first.
type fronts struct {
	list []front
	n    int
}

func (f *fronts) pushed() int   { f.n++; return f.n }
func (f *fronts) Len() int      { return len(f.list) }
func (f *fronts) Swap(i, j int) { f.list[i], f.list[j] = f.list[j], f.list[i] }
func (f *fronts) Push(x any)    { f.list = append(f.list, x.(front)) }
func (f *fronts) Less(i, j int) bool {
	a, b := f.list[i], f.list[j]
	return a.distance < b.distance || a.distance == b.distance && a.order < b.order
}

func (f *fronts) Pop() any {
	last := f.list[len(f.list)-1]
	f.list = f.list[:len(f.list)-1]
	return last
}
