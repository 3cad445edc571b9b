package burned

// ink is a grey level with which a program may have drawn.
type ink struct {
	value float32 // stored value
	dark  bool    // darker than its surroundings
	least float32 // least difference from the background, relative to the range
}

const (
	// repeated is the least number of stroke pixels with exactly the same grey inside the range
	// that count as drawn.
	repeated = 24
	// Least differences of ink from the background, relative to the range: leastInside in general,
	// leastAtEnds for white and black. Those are searched with leastPale as well, and not only
	// with that, because then letters merge with their surroundings.
	leastInside, leastAtEnds, leastPale = .1, .05, .03
	// noisy is the share of clutter above which a letter's surroundings are noise, see
	// relief.clutter.
	noisy = .3
	// highest is the greatest height of letters in rows, relative to the longer side.
	highest = .08
)

// inks returns the possible grey levels of text in p: the ends of its range, because programs
// draw in white or black, and the most frequent grey of its strokes of each kind, because drawn
// text has a single grey and radiographed objects do not.
func inks(p Picture, strokes []float32) []ink {
	low, high := p.Samples[0], p.Samples[0]
	for _, v := range p.Samples {
		low, high = min(low, v), max(high, v)
	}
	counts := [2]map[float32]int{{}, {}}
	for i, v := range strokes {
		switch s := p.Samples[i]; {
		case s == low || s == high:
		case v >= certain:
			counts[0][s]++
		case v <= -certain:
			counts[1][s]++
		}
	}
	out := []ink{{high, false, leastAtEnds}, {low, true, leastAtEnds}, {high, false, leastPale}, {low, true, leastPale}}
	for k, values := range counts {
		if v, ok := outstanding(values); ok {
			out = append(out, ink{v, k == 1, leastInside})
		}
	}
	return out
}

// outstanding returns the value that is several times as frequent as any other.
func outstanding(values map[float32]int) (best float32, ok bool) {
	most, second := 0, 0
	for v, n := range values {
		if n > most || n == most && v < best {
			best, most, second = v, n, most
		} else if n > second {
			second = n
		}
	}
	return best, most > repeated && most > 3*second
}

// written returns the letters of an ink: regions of pixels that it covers by at least two
// fifths. A pixel with coverage q has the value b + q(ink − b), where b is the background from
// an opening or a closing. The first n letters are strong; weak ones, which may be noise,
// follow.
func written(p Picture, r relief, k ink) (letters []letter, n int) {
	background, sign := r.opened, float32(1)
	if k.dark {
		background, sign = r.closed, -1
	}
	least := max(k.least, r.noise) * r.width
	kind := make([]uint8, len(p.Samples))
	for i, v := range p.Samples {
		if contrast := k.value - background[i]; sign*contrast >= least {
			switch q := (v - background[i]) / contrast; {
			case q > .7:
				kind[i] = 2
			case q >= .4:
				kind[i] = 1
			}
		}
	}
	ink := make([]uint8, len(kind))
	for i, q := range kind {
		ink[i] = min(q, 1)
	}
	all := pieces(ink, p, func(l *letter, i int) { l.full = l.full || kind[i] == 2 })
	var weak []letter
	for _, l := range all {
		switch {
		case l.full && l.sized(5, highest, p) && r.clutter(l.Box, p) < noisy:
			letters = append(letters, l)
		case l.area >= 3 && l.size() <= int(highest*float64(max(p.Rows, p.Columns))):
			weak = append(weak, l)
		}
	}
	return append(letters, weak...), len(letters)
}
