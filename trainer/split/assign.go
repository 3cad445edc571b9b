package split

import (
	"fmt"
	"slices"

	"dicomnode/trainer/dataset"
)

// assigner places groups one after the other.
type assigner struct {
	parts  []string
	groups []*group
	shapes []*shape // of the waiting groups, in the order of chance

	size, hard [kinds]int // required numbers of images and of difficult ones
	total      []int      // images by body part
	have       [kinds]int
	haveHard   [kinds]int
	havePart   [kinds][]int
	left       []int // by body part: groups that wait or train
	notes      []string
}

// shape is a set of alike waiting groups.
type shape struct {
	*group
	waiting []*group
}

func newAssigner(f *dataset.Folder, opt Options) (*assigner, error) {
	a := &assigner{parts: bodyParts(f), notes: []string{}}
	a.groups = groups(f, a.parts, opt.Seed)
	a.total, a.left = make([]int, len(a.parts)), make([]int, len(a.parts))
	for s := range a.havePart {
		a.havePart[s] = make([]int, len(a.parts))
	}
	difficult := 0
	for _, g := range a.groups {
		difficult += g.difficult
		for p, n := range g.parts {
			a.total[p] += n
			if n > 0 {
				a.left[p]++
			}
		}
	}
	a.size, a.hard = opt.wanted(len(f.Items), difficult)
	if !slices.Contains(f.ExtraColumns, dataset.PatientColumn) {
		a.note("there is no column %q: every image counts as a patient of its own", dataset.PatientColumn)
	}
	if opt.Keep {
		if err := a.keep(f); err != nil {
			return nil, err
		}
	}
	a.sort()
	return a, nil
}

func (a *assigner) note(format string, args ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}

// keep places groups that have a split. A group takes the split of its images
// that have one; two are an error.
func (a *assigner) keep(f *dataset.Folder) error {
	for _, g := range a.groups {
		chosen := waiting
		for _, i := range g.items {
			s := kind(slices.Index(names[:], f.Items[i].Split))
			if s == waiting || s == chosen {
				continue
			}
			if chosen != waiting {
				return fmt.Errorf("the patient of image %q is in %s and in %s already", g.name, names[chosen], names[s])
			}
			chosen = s
		}
		if chosen != waiting {
			a.place(g, chosen)
		}
	}
	return nil
}

// sort puts the waiting groups by their shapes.
func (a *assigner) sort() {
	byName := map[string]*shape{}
	for _, g := range a.groups {
		if g.split != waiting {
			continue
		}
		name := g.shape()
		if byName[name] == nil {
			byName[name] = &shape{group: g}
			a.shapes = append(a.shapes, byName[name])
		}
		byName[name].waiting = append(byName[name].waiting, g)
	}
}

func (a *assigner) place(g *group, s kind) {
	g.split = s
	a.have[s] += len(g.items)
	a.haveHard[s] += g.difficult
	for p, n := range g.parts {
		a.havePart[s][p] += n
		if n > 0 && s != train {
			a.left[p]--
		}
	}
}

// pick places the waiting group for which score is highest; score's second
// result is false for groups out of the question. It reports whether it found one.
func (a *assigner) pick(s kind, score func(*group) (float64, bool)) bool {
	var best *shape
	var highest float64
	for _, k := range a.shapes {
		if len(k.waiting) == 0 {
			continue
		}
		if v, ok := score(k.group); ok && (best == nil || v > highest) {
			best, highest = k, v
		}
	}
	if best == nil {
		return false
	}
	a.place(best.waiting[0], s)
	best.waiting = best.waiting[1:]
	return true
}

// single puts body parts of one patient into test: they cannot be both trained on and tested.
func (a *assigner) single() {
	for p, name := range a.parts {
		if a.patients(p) != 1 {
			continue
		}
		big := false
		a.pick(test, func(g *group) (float64, bool) {
			if g.has(p) && len(g.items) > max(1, a.size[test]) {
				big = true
			}
			return 0, g.has(p) && !big
		})
		if big {
			a.note("%q is of one patient with more images than test holds: it is trained on and not tested", name)
		}
	}
	if n := a.have[test]; n > a.size[test] {
		a.note("test holds %d images instead of %d: body parts of a single patient go there", n, a.size[test])
	}
}

// patients is the number of groups with a body part.
func (a *assigner) patients(part int) int {
	n := 0
	for _, g := range a.groups {
		if g.has(part) {
			n++
		}
	}
	return n
}

// represent puts one example of each body part of at least so many patients into
// a split, the rarest body part first.
func (a *assigner) represent(s kind, atLeast int) {
	order := make([]int, len(a.parts))
	for p := range order {
		order[p] = p
	}
	slices.SortStableFunc(order, func(x, y int) int { return a.total[x] - a.total[y] })
	before := a.have[s]
	for _, p := range order {
		if a.havePart[s][p] > 0 || a.patients(p) < atLeast {
			continue
		}
		if !a.pick(s, func(g *group) (float64, bool) { return a.suits(g, s), g.has(p) && a.spares(g) }) {
			a.note("%q is not in %s: its patients are needed elsewhere", a.parts[p], names[s])
		}
	}
	if n := a.have[s]; n > max(a.size[s], before) {
		a.note("%s holds %d images instead of %d: one example of each body part goes there", names[s], n, a.size[s])
	}
}

// suits prefers small groups with the required difficulty.
func (a *assigner) suits(g *group, s kind) float64 {
	v := -float64(len(g.items))
	if wants := a.haveHard[s] < a.hard[s]; wants == (g.difficult > 0) {
		v += 0.5
	}
	return v
}

// spares reports whether each body part of g stays in training without g.
func (a *assigner) spares(g *group) bool {
	for p, n := range g.parts {
		if n > 0 && a.left[p] < 2 {
			return false
		}
	}
	return true
}

// fill brings a split to its size: difficult groups while they are wanted, then
// others; among them those whose body parts are furthest below their share.
func (a *assigner) fill(s kind) {
	for a.have[s] < a.size[s] {
		room := a.size[s] - a.have[s]
		if !a.pick(s, func(g *group) (float64, bool) {
			return a.lack(g, s), len(g.items) <= room && a.spares(g)
		}) {
			a.note("%s holds %d images instead of %d: patients are not divided and each body part stays in training", names[s], a.have[s], a.size[s])
			return
		}
	}
}

// lack is how far below their share in s the body parts of g are, in images; the
// wanted difficulty counts more than any lack.
func (a *assigner) lack(g *group, s kind) float64 {
	all := 0
	for _, n := range a.total {
		all += n
	}
	var v float64
	for p, n := range g.parts {
		want := float64(a.size[s]) * float64(a.total[p]) / float64(all)
		v += float64(n) * (want - float64(a.havePart[s][p]))
	}
	v /= float64(len(g.items))
	if wants := a.haveHard[s] < a.hard[s]; wants == (g.difficult > 0) {
		v += float64(all)
	}
	return v
}

// rest is trained on.
func (a *assigner) rest() {
	for _, g := range a.groups {
		if g.split == waiting {
			a.place(g, train)
		}
	}
	if a.have[train] == 0 {
		a.note("no image is left to train on: every body part has a single patient")
	}
}
