package burned_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"dicomnode/trainer/export/burned"
)

// tally counts pieces of writing, what was found of them, and their pixels; and of the pictures
// that are released without a review, the pieces, and those in boxes.
type tally struct{ all, boxed, seen, ink, inked, released, gone int }

// result is what was measured on pictures: pixels of anatomy, how many of them would
// be blanked, and how many of these lie in no rectangle of writing; released are the pictures
// that "blank" releases without a review, and left and lost their anatomy and what is blanked
// of it.
type result struct {
	kinds                     map[string]*tally
	pictures, certain, shown  int
	anatomy, blanked, wrongly int
	released, left, lost      int
}

func (r *result) picture(s sheet, found burned.Findings, trace func(string)) {
	r.pictures++
	if len(found.Writing) > 0 {
		r.certain++
	}
	if len(found.Writing)+len(found.Doubtful) > 0 {
		r.shown++
	}
	for _, w := range s.texts {
		k := r.kinds[w.kind]
		if k == nil {
			k = &tally{}
			r.kinds[w.kind] = k
		}
		in, seen := s.covered(w, found.Writing), s.covered(w, slices.Concat(found.Writing, found.Doubtful))
		k.all++
		k.ink += len(w.ink)
		k.inked += in
		if 100*in >= 95*len(w.ink) {
			k.boxed++
		} else {
			trace(fmt.Sprintf("picture %d, %s %+v: %d and %d of %d pixels", r.pictures-1, w.kind, w.Box, in, seen, len(w.ink)))
		}
		if 2*seen >= len(w.ink) { // enough for whoever looks
			k.seen++
		}
		if !found.Unsure {
			k.released++
			if 100*in >= 95*len(w.ink) {
				k.gone++
			}
		}
	}
	r.fill(s, found)
}

// fill counts the anatomy of a picture and what is blanked of it.
func (r *result) fill(s sheet, found burned.Findings) {
	anatomy, blanked := 0, 0
	for i, a := range s.anatomy {
		if !a {
			continue
		}
		anatomy++
		holds := func(b burned.Box) bool { return b.Holds(i%s.cols, i/s.cols) }
		if slices.ContainsFunc(found.Writing, holds) {
			blanked++
			if !slices.ContainsFunc(s.texts, func(w text) bool { return holds(w.Box) }) {
				r.wrongly++
			}
		}
	}
	r.anatomy += anatomy
	r.blanked += blanked
	if !found.Unsure {
		r.released++
		r.left += anatomy
		r.lost += blanked
	}
}

// wilson is the 95 % interval of Wilson for a share.
func wilson(n, of int) (low, high float64) {
	const z = 1.959964
	all := float64(max(of, 1))
	p := float64(n) / all
	middle, half := p+z*z/(2*all), z*math.Sqrt(p*(1-p)/all+z*z/(4*all*all))
	return (middle - half) / (1 + z*z/all), (middle + half) / (1 + z*z/all)
}

// share writes a share with its interval.
func share(n, of int) string {
	low, high := wilson(n, of)
	return fmt.Sprintf("%d of %d, %.3f (%.3f–%.3f)", n, of, float64(n)/float64(max(of, 1)), low, high)
}

// log writes the figures of docs/export.md.
func (r *result) log(t *testing.T) {
	t.Helper()
	for kind, k := range r.kinds {
		t.Logf("%s: in boxes %s; in boxes or shown %s; %.3f of %d pixels in boxes; in released pictures, in boxes %s",
			kind, share(k.boxed, k.all), share(k.seen, k.all), float64(k.inked)/float64(max(k.ink, 1)), k.ink, share(k.gone, k.released))
	}
	part := func(n, of int) float64 { return float64(n) / float64(max(of, 1)) }
	t.Logf("%d pictures: %d with boxes, %d with something to show; %.5f of anatomy in boxes, %.5f where nothing is written; released %s, %.5f of their anatomy in boxes",
		r.pictures, r.certain, r.shown, part(r.blanked, r.anatomy), part(r.wrongly, r.anatomy), share(r.released, r.pictures), part(r.lost, r.left))
}

// covered is how many pixels of a text's ink lie in boxes.
func (s *sheet) covered(w text, boxes []burned.Box) (n int) {
	for _, i := range w.ink {
		if slices.ContainsFunc(boxes, func(b burned.Box) bool { return b.Holds(i%s.cols, i/s.cols) }) {
			n++
		}
	}
	return n
}
