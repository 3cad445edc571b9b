package field

import (
	"iter"
	"math"
)

const (
	minStep  = 0.012 // of the range: the least step, over 2·voteReach pixels, that counts
	voidPart = 0.10  // if both sides of the line are below this, the line is beyond the field's corner
	maxBack  = 0.12  // of the range: how much brighter the border may become outwards
	darkPart = 0.20  // certainly unexposed
	minSlope = 0.004 // of the range per pixel: slope within the field itself
	footPart = 0.65  // of the rise: the inner end of the penumbra
)

// darkEdge are measurements of a line as an edge of the unexposed border.
type darkEdge struct {
	border  border
	chord   int     // usable profiles
	support float64 // share of them with a step up
	weakest float64 // support of the weakest eighth
	ends    float64 // share of the rise within 8 pixels
	foot    float64 // distance from the line to where the penumbra ends
	area    float64 // share of the frame outside
	dark    float64 // share of it that is certainly dark
	rise    float64 // median of the rise from outside to the inner end, of the range
	steep   float64 // lower third of the steps, of the range
	white   float64 // share of the pixels outside that are white
	back    float64 // of the range: how much it becomes brighter again outwards
	below   float64 // share of it that is darker than the adjacent field
}

// darkEdge measures b as a dark edge.
func (s *search) darkEdge(b border) darkEdge {
	e := darkEdge{border: b}
	least := minStep * (s.high - s.low)
	all := s.profiles(b)
	up, kept := make([]bool, 0, len(all)), all[:0]
	for _, p := range all {
		out, in := p.at(-voteReach), p.at(voteReach)
		if out != out {
			out = p.at(-1)
		}
		if out != out || in != in || in <= s.part(voidPart) && in-out < least {
			continue
		}
		up, kept = append(up, in-out >= least), append(kept, p)
	}
	if e.chord = len(up); e.chord < 8 {
		return e
	}
	e.support, e.weakest = supports(up)
	e.foot, e.ends = s.foot(kept)
	e.outside(s, kept)
	rise, step := make([]float32, 0, len(kept)), make([]float32, 0, len(kept))
	for _, p := range kept {
		step = append(step, p.at(voteReach)-p.at(-voteReach))
		rise = append(rise, p.at(min(int(e.foot)+1, reachIn))-p.at(-voteReach))
	}
	e.rise = float64(median(rise) / (s.high - s.low))
	e.steep = float64(quantile(step, 0.33) / (s.high - s.low))
	return e
}

// supports returns the share of true values in up, and that of its weakest eighth.
func supports(up []bool) (all, weakest float64) {
	weakest = 1
	for k := range 8 {
		n := 0
		lo, hi := k*len(up)/8, (k+1)*len(up)/8
		for _, u := range up[lo:hi] {
			if u {
				n++
			}
		}
		all += float64(n)
		weakest = min(weakest, float64(n)/float64(hi-lo))
	}
	return all / float64(len(up)), weakest
}

// foot finds the inner end of the penumbra: it integrates the median slope across the line,
// which crossing anatomy hardly changes, inwards until footPart of the rise is reached. ends is
// the share of the rise within 8 pixels; it is small where the field itself becomes brighter
// inwards.
func (s *search) foot(kept []profile) (foot, ends float64) {
	slope, room := make([]float32, reachOut+reachIn), make([]float32, 0, len(kept))
	for o := range slope {
		d := room
		for i := range kept {
			d = append(d, kept[i].v[o+1]-kept[i].v[o])
		}
		slope[o] = median(d)
	}
	first, last, total := s.rising(slope)
	if !(total > 0) {
		return 0, 0
	}
	near := float32(0)
	for o := first; o < min(max(first, reachOut-2)+8, last); o++ {
		near += slope[o]
	}
	ends = float64(near / total)
	sum := float32(0)
	for o := first; o < last; o++ {
		if sum += slope[o]; sum >= footPart*total {
			return float64(o+1-reachOut) - float64((sum-footPart*total)/slope[o]), ends
		}
	}
	return 0, ends
}

// rising returns the interval of slope around the line over which the picture becomes brighter.
func (s *search) rising(slope []float32) (first, last int, total float32) {
	peak := reachOut - 2
	for o := peak; o < reachOut+6; o++ {
		if slope[o] > slope[peak] || slope[peak] != slope[peak] {
			peak = o
		}
	}
	least := max(minSlope*(s.high-s.low), 0.05*slope[peak])
	for first = peak; first > 0 && slope[first-1] > least; first-- {
	}
	for last = peak + 1; last < len(slope) && slope[last] > least; last++ {
	}
	for o := first; o < last; o++ {
		total += slope[o]
	}
	return first, last, total
}

// outside counts the pixels that b would cut off, and compares each with the field at the same
// place along b.
func (e *darkEdge) outside(s *search, kept []profile) {
	o := min(max(int(e.foot), 0)+1, reachIn)
	long := s.h + s.w
	inner := make([]float32, 2*long+1)
	for i := range inner {
		inner[i] = float32(math.NaN())
	}
	for i := range kept {
		if t := int(math.Round(kept[i].t)); t >= -long && t <= long {
			inner[t+long] = kept[i].at(o)
		}
	}
	mid := e.border.distance(float64(s.w)/2, float64(s.h)/2)
	px, py := float64(s.w)/2-mid*e.border.nx, float64(s.h)/2-mid*e.border.ny
	nearWhite := s.nearWhite()
	var sum, count [64]float64
	var n, white, dark, below, beside float64
	for i := range s.beyond(e.border) {
		x, y := float64(i%s.w), float64(i/s.w)
		n++
		if nearWhite[i] {
			white++
			continue
		}
		bin := min(int(-e.border.distance(x, y)/4), 63)
		sum[bin] += float64(s.v[i])
		count[bin]++
		if s.v[i] <= s.part(darkPart) {
			dark++
		}
		t := int(math.Round((y-py)*e.border.nx-(x-px)*e.border.ny)) + long
		if t < 0 || t >= len(inner) || inner[t] != inner[t] {
			continue
		}
		beside++
		if s.v[i] <= inner[t] {
			below++
		}
	}
	e.area = n / float64(len(s.in))
	e.dark, e.below = dark/max(1, n), below/max(1, beside)
	e.back = back(sum[:], count[:]) / float64(s.high-s.low)
	e.white = white / max(1, n)
}

// beyond iterates in order over the pixels of the field that are more than a pixel outside b.
// Along a row the distance to b is monotonic.
func (s *search) beyond(b border) iter.Seq[int] {
	return func(yield func(int) bool) {
		for y := range s.h {
			out := func(x int) bool { return b.distance(float64(x), float64(y)) < -1 }
			first, last := 0, s.w
			if out(s.w - 1) {
				for first = s.w - 1; first > 0 && out(first-1); first-- {
				}
			} else {
				for last = 0; last < s.w && out(last); last++ {
				}
			}
			for x := first; x < last; x++ {
				if s.in[y*s.w+x] && !yield(y*s.w+x) {
					return
				}
			}
		}
	}
}

// back returns the largest rise of the mean from a bin to a later one.
func back(sum, count []float64) (most float64) {
	least := math.Inf(1)
	for i, n := range count {
		if n >= 16 {
			most = max(most, sum[i]/n-least)
			least = min(least, sum[i]/n)
		}
	}
	return most
}
