package augment

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dicomnode/trainer/dataset"
)

// copyOf is one picture to make.
type copyOf struct {
	origin dataset.Item
	number int // of the origin's copies
	item   dataset.Item
}

// plan is everything to make, the copies of one origin after each other.
type plan struct {
	extra  []string // further columns of the new table
	copies []copyOf
	parts  []Part
	data   string // digest of the rows taken
}

// newPlan gives each body part its pictures, shared equally among its origins.
func newPlan(f *dataset.Folder, items []dataset.Item, opt Options) *plan {
	p := &plan{extra: f.ExtraColumns}
	if !slices.Contains(p.extra, dataset.OriginColumn) {
		p.extra = append(slices.Clone(p.extra), dataset.OriginColumn)
	}
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b dataset.Item) int {
		return cmp.Or(cmp.Compare(a.BodyPart, b.BodyPart), cmp.Compare(a.ID, b.ID))
	})
	h := sha256.New()
	for first := 0; first < len(items); {
		last := first
		for last < len(items) && items[last].BodyPart == items[first].BodyPart {
			fmt.Fprintf(h, "%+v\n", items[last])
			last++
		}
		p.add(slices.Clone(items[first:last]), opt)
		first = last
	}
	p.data = hex.EncodeToString(h.Sum(nil))
	return p
}

// add plans the copies of one body part's origins.
func (p *plan) add(origins []dataset.Item, opt Options) {
	part := origins[0].BodyPart
	h := fnv.New64a()
	h.Write([]byte(part))
	r := rand.New(rand.NewPCG(opt.Seed, h.Sum64()))
	r.Shuffle(len(origins), func(i, j int) { origins[i], origins[j] = origins[j], origins[i] })
	for i, o := range origins {
		for number := 0; number*len(origins)+i < opt.PerBodyPart; number++ {
			p.copies = append(p.copies, copyOf{o, number, p.item(o, number)})
		}
	}
	p.parts = append(p.parts, Part{Name: part, Origins: len(origins), Images: opt.PerBodyPart})
}

// item is the row of a copy.
func (p *plan) item(o dataset.Item, number int) dataset.Item {
	it := o
	it.ID = fmt.Sprintf("%s-%04d", fileName(o.ID), number)
	it.Polarity, it.Split = dataset.AirBright, dataset.Train
	it.Extra = make([]string, len(p.extra))
	copy(it.Extra, o.Extra)
	it.Extra[slices.Index(p.extra, dataset.OriginColumn)] = o.ID
	if i := slices.Index(p.extra, dataset.SpacingColumn); i >= 0 {
		it.Extra[i] = "" // the copy has another size, and a deformed one no spacing
	}
	return it
}

// fileName is the id, changed where it cannot be a file's name.
func fileName(id string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, id)
	name = strings.TrimLeft(name, ".")
	if name == id && len(name) <= 200 {
		return name
	}
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("%s_%x", strings.ToValidUTF8(name[:min(len(name), 180)], "_"), sum[:6])
}

func (p *plan) result(kept int) *Result {
	return &Result{Images: len(p.copies), Kept: kept, Parts: p.parts}
}

// Record is the file in the folder that says how it was made.
const Record = "augment.json"

// ErrOther is a folder that other data or options were augmented into.
var ErrOther = errors.New("the folder holds pictures made from other data or with other options")

// open makes the folder, or goes on in one that the same run began. The writer is
// nil when nothing is left to do.
func (p *plan) open(opt Options) (*dataset.Writer, error) {
	record, err := json.MarshalIndent(map[string]any{
		"data": p.data, "per_body_part": opt.PerBodyPart, "size": opt.Size, "seed": opt.Seed, "variation": opt.Variation,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(opt.Out, Record)
	found, err := os.ReadFile(path)
	began := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if began && !bytes.Equal(found, record) {
		return nil, fmt.Errorf("augment into %s: %w", opt.Out, ErrOther)
	}
	w, err := dataset.Create(opt.Out, p.extra...)
	if err != nil {
		if began && errors.Is(err, dataset.ErrExists) {
			return nil, nil // complete
		}
		return nil, err
	}
	if began {
		return w, nil
	}
	if err := os.WriteFile(path, record, 0o644); err != nil {
		return nil, errors.Join(err, w.Abandon())
	}
	return w, nil
}
