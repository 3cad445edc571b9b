package split

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"dicomnode/trainer/dataset"
)

// kind is a split, or that none is chosen yet.
type kind int

const (
	train kind = iota
	validation
	test
	kinds
	waiting kind = -1
)

var names = [kinds]string{train: dataset.Train, validation: dataset.Validation, test: dataset.Test}

// group is what stays together: the images of a patient.
type group struct {
	name      string // smallest id
	items     []int  // indices into the folder's items
	parts     []int  // images by index of the body part
	difficult int
	split     kind
}

func (g *group) has(part int) bool { return g.parts[part] > 0 }

// shape is equal for groups between which only chance decides.
func (g *group) shape() string { return fmt.Sprint(g.parts, g.difficult) }

// groups joins images of the same patient, and an image with what was made of it.
// The result is in the order of the seed.
func groups(f *dataset.Folder, parts []string, seed uint64) []*group {
	joined := joiner{}
	for _, it := range f.Items {
		if p := f.Extra(it, dataset.PatientColumn); p != "" {
			joined.join("id "+it.ID, "patient "+p)
		}
		if o := f.Extra(it, dataset.OriginColumn); o != "" {
			joined.join("id "+it.ID, "id "+o)
		}
	}
	byName := map[string]*group{}
	var out []*group
	for i, it := range f.Items {
		root := joined.root("id " + it.ID)
		g := byName[root]
		if g == nil {
			g = &group{name: it.ID, parts: make([]int, len(parts)), split: waiting}
			byName[root] = g
			out = append(out, g)
		}
		g.add(i, it, parts)
	}
	slices.SortFunc(out, func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	r := rand.New(rand.NewPCG(seed, 0x5711))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (g *group) add(i int, it dataset.Item, parts []string) {
	g.items = append(g.items, i)
	g.name = min(g.name, it.ID)
	p, _ := slices.BinarySearch(parts, it.BodyPart)
	g.parts[p]++
	if it.Difficult {
		g.difficult++
	}
}

// bodyParts are the folder's, sorted.
func bodyParts(f *dataset.Folder) []string {
	var parts []string
	for _, it := range f.Items {
		parts = append(parts, it.BodyPart)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// joiner finds which names belong together, the smallest standing for all.
type joiner map[string]string

func (j joiner) root(name string) string {
	for {
		up, ok := j[name]
		if !ok {
			return name
		}
		if top, ok := j[up]; ok {
			j[name] = top
		}
		name = up
	}
}

func (j joiner) join(a, b string) {
	a, b = j.root(a), j.root(b)
	if a == b {
		return
	}
	if strings.Compare(a, b) > 0 {
		a, b = b, a
	}
	j[b] = a
}
