// Package split divides a data set folder into training, validation and test
// images as the XNet paper does (Bullock, Cuesta-Lázaro, Quera-Bofarull, 2019,
// sections 3.2, 4.2, 4.3): 108, 21 and 21 of 150 images and in proportion for
// other numbers, each body part in validation, a body part with a single example
// in test, and more difficult images in test than elsewhere. Beyond the paper,
// all images of a patient go to one split. It reads no picture and writes no file.
package split

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"dicomnode/internal/option"
	"dicomnode/trainer/dataset"
)

// PaperShare is the share of validation, and of test, in the paper.
const PaperShare = 21.0 / 150

// difficultFactor is how many times the share of difficult images in test is
// that in the whole.
const difficultFactor = 2

// Options choose a division.
type Options struct {
	Seed       uint64
	Validation float64 // share of the images, 0 to 0.5; 0 means PaperShare
	Test       float64 // the same
	Keep       bool    // leave images where they are that have a split already
	Replace    bool    // forget all splits first
}

// ErrSplit is a data set that is split already, with neither Keep nor Replace.
var ErrSplit = errors.New("images have a split already")

// ErrOptions is a share that cannot be reached.
var ErrOptions = errors.New("invalid options")

// Plan is a division and its account.
type Plan struct {
	Splits   []string `json:"-"`        // of the items, in their order
	Patients int      `json:"patients"` // groups that stay together
	Rows     []Row    `json:"rows"`     // by body part, then the rows "difficult" and "all"
	Notes    []string `json:"notes"`    // which wish gave way to which rule
}

// Row counts images of one kind.
type Row struct {
	Name       string `json:"name"`
	Train      int    `json:"train"`
	Validation int    `json:"val"`
	Test       int    `json:"test"`
	All        int    `json:"all"`
}

// Assign divides the folder's items. The plan depends on the items, the options
// and nothing else, not even the order of the rows; the folder is not changed.
func Assign(f *dataset.Folder, opt Options) (*Plan, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	if len(f.Items) == 0 {
		return nil, errors.New("the data set has no images")
	}
	if !opt.Keep && !opt.Replace && slices.ContainsFunc(f.Items, func(it dataset.Item) bool { return it.Split != "" }) {
		return nil, ErrSplit
	}
	a, err := newAssigner(f, opt)
	if err != nil {
		return nil, err
	}
	a.single()
	a.represent(validation, 2)
	a.represent(test, 3)
	a.fill(test)
	a.fill(validation)
	a.rest()
	return a.plan(f), nil
}

func (o *Options) complete() error {
	for _, share := range []struct {
		name  string
		value *float64
	}{{"validation", &o.Validation}, {"test", &o.Test}} {
		if *share.value == 0 {
			*share.value = PaperShare
		}
		if !(*share.value > 0 && *share.value <= 0.5) {
			return fmt.Errorf("%w: %w", ErrOptions, option.Refuse(share.name, "%v: want more than 0 and at most 0.5", *share.value))
		}
	}
	if o.Validation+o.Test >= 1 {
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("validation test", "leave nothing to train on"))
	}
	if o.Keep && o.Replace {
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("keep replace", "exclude each other"))
	}
	return nil
}

// wanted are the required sizes: of n images, and of its difficult ones.
func (o Options) wanted(n, difficult int) (size, hard [kinds]int) {
	size[validation] = int(math.Round(o.Validation * float64(n)))
	size[test] = int(math.Round(o.Test * float64(n)))
	size[train] = n - size[validation] - size[test]
	share := float64(difficult) / float64(n)
	hard[test] = min(int(math.Ceil(difficultFactor*share*float64(size[test]))), (difficult+1)/2, size[test])
	hard[validation] = min(int(math.Round(share*float64(size[validation]))), difficult-hard[test])
	return size, hard
}

// plan is the account of a finished division.
func (a *assigner) plan(f *dataset.Folder) *Plan {
	p := &Plan{Splits: make([]string, len(f.Items)), Patients: len(a.groups), Notes: a.notes}
	rows := map[string]*Row{}
	difficult, all := &Row{Name: "difficult"}, &Row{Name: "all"}
	for _, g := range a.groups {
		for _, i := range g.items {
			it := f.Items[i]
			p.Splits[i] = names[g.split]
			if rows[it.BodyPart] == nil {
				rows[it.BodyPart] = &Row{Name: it.BodyPart}
			}
			rows[it.BodyPart].add(g.split)
			all.add(g.split)
			if it.Difficult {
				difficult.add(g.split)
			}
		}
	}
	for _, r := range rows {
		p.Rows = append(p.Rows, *r)
	}
	slices.SortFunc(p.Rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	p.Rows = append(p.Rows, *difficult, *all)
	return p
}

func (r *Row) add(s kind) {
	r.All++
	switch s {
	case train:
		r.Train++
	case validation:
		r.Validation++
	case test:
		r.Test++
	}
}
