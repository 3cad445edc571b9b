package burned

// ink is a grey that a program may have drawn with.
type ink struct {
	value float32 // stored value
	dark  bool    // darker than what is around
	least float32 // by how much it differs from what it is drawn on, as a part of the range
}

const (
	// repeated is how many pixels of strokes must have the very same grey inside the
	// range to be taken for drawn.
	repeated = 24
	// plain is by how much ink differs from what it is drawn on, as a part of the range;
	// white and black may do so less.
	plain, pale = .1, .045
	// noisy is from where on a letter's surroundings are noise, see relief.clutter.
	noisy = .3
	// highest is the height of letters in rows, as a part of the longer side.
	highest = .08
)

// inks are the greys that writing in p may have: the ends of its range, since
// programs draw in white or black, and the most frequent grey of its strokes of
// each kind, since what is drawn has one grey and what is radiographed has not.
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
	out := []ink{{high, false, pale}, {low, true, pale}}
	for k, values := range counts {
		if v, ok := outstanding(values); ok {
			out = append(out, ink{v, k == 1, plain})
		}
	}
	return out
}

// outstanding is the value that occurs several times as often as any other.
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

// written are the letters of an ink: pixels that it covers by two fifths or more. A
// pixel that ink covers by q is b + q(ink − b) over the background b, which an
// opening or a closing tells. Those that are weak, which noise makes as well, follow the
// first n.
func written(p Picture, r relief, k ink) (letters []letter, n int) {
	background, sign := r.opened, float32(1)
	if k.dark {
		background, sign = r.closed, -1
	}
	least := max(k.least, r.least) * r.width
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
