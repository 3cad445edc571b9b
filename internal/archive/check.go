package archive

import (
	"context"
	"errors"
	"slices"

	"dicomnode/internal/archive/index"
)

// Problem is something Check found.
type Problem struct {
	Object int64  `json:"object,omitempty"` // 0 when no row is concerned
	File   string `json:"file,omitempty"`   // in the store
	What   string `json:"problem"`
}

// Checked is what Check looked at.
type Checked struct {
	Objects  int       `json:"objects"`
	Unsummed int       `json:"without_sum"` // of an earlier release, not yet summed: damage to them cannot be noticed
	Problems []Problem `json:"problems"`
}

// Check reads every object and compares it with its row; files that no row names
// are problems too. It changes nothing, and may run beside a node: what arrives
// meanwhile is left out. step is called after each object.
func (a *Archive) Check(ctx context.Context, step func()) (c Checked, err error) {
	c.Problems = []Problem{}
	var loose []string
	err = a.unnamed(ctx, func(name string, _ bool) error { loose = append(loose, name); return nil })
	for last := int64(0); err == nil; {
		var page []index.Object
		page, err = view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Page(last, 256) })
		if err != nil || len(page) == 0 {
			break
		}
		for _, o := range page {
			last = o.ID
			if err = a.checkObject(ctx, o, &c); err != nil {
				break
			}
			step()
		}
	}
	if err != nil {
		return c, err
	}
	return c, a.checkLoose(ctx, loose, &c)
}

func (a *Archive) checkObject(ctx context.Context, o index.Object, c *Checked) error {
	c.Objects++
	if o.SHA256 == "" {
		c.Unsummed++
	}
	_, err := a.verify(ctx, o)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	if _, gone := a.Object(ctx, o.ID); errors.Is(gone, ErrNotFound) {
		return nil // it expired meanwhile
	}
	c.Problems = append(c.Problems, Problem{Object: o.ID, File: o.Name, What: err.Error()})
	return nil
}

// checkLoose looks again at files that no row named: by now those that were about
// to be stored are.
func (a *Archive) checkLoose(ctx context.Context, names []string, c *Checked) error {
	if len(names) == 0 {
		return nil
	}
	for some := range slices.Chunk(names, 256) {
		named, err := view(ctx, a, func(tx index.Tx) (map[string]bool, error) { return tx.Named(some) })
		if err != nil {
			return err
		}
		for _, name := range some {
			if there, err := existsIn(a.store, name); err == nil && there && !named[name] {
				c.Problems = append(c.Problems, Problem{File: name, What: "no row names this file; the next start adopts it or sets it aside"})
			}
		}
	}
	return nil
}
