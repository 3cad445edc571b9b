package export

import (
	"fmt"
	"slices"
	"sync"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// remember takes in what must not be found of an object.
func (e *run) remember(res *deidentify.Result) {
	values := res.Originals
	if slices.Contains(e.Deidentify.Retain, profile.ModifiedDates) {
		values = e.dates.take(res.Patient, values)
	}
	e.originals.Add(values)
}

// patientDates are the dates of each patient where dates are shifted. A shifted date
// of one patient is sooner or later a date of another one, which says nothing of
// either: only those of the patient are looked for in the patient's files.
type patientDates struct {
	mu     sync.Mutex
	values map[string][]deidentify.Original
}

// take keeps the dates among values and returns the others.
func (p *patientDates) take(patient string, values []deidentify.Original) (others []deidentify.Original) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string][]deidentify.Original{}
	}
	for _, v := range values {
		if v.VR == "DA" || v.VR == "DT" {
			p.values[patient] = append(p.values[patient], v)
		} else {
			others = append(others, v)
		}
	}
	return others
}

// of is a checker of a patient's dates, nil where there are none.
func (p *patientDates) of(patient string) *leak.Checker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.values[patient]) == 0 {
		return nil
	}
	var o leak.Originals
	o.Add(p.values[patient])
	return o.Checker()
}

// sweep takes out of an object what was kept and holds a value that was removed
// from this object or another one.
func (e *run) sweep(res *deidentify.Result) {
	checkers := []*leak.Checker{e.checker, late(res), e.dates.of(res.Patient)}
	res.Sweep(func(value []byte) bool {
		return slices.ContainsFunc(checkers, func(c *leak.Checker) bool { return c != nil && c.Holds(value) })
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range res.Swept {
		e.note(fmt.Sprintf("%v was taken out where its value is also one that was removed", t))
	}
}

// sized tells whether one of the attributes that give the size of a pixel is among
// tags.
func sized(tags []part10.Tag) bool {
	return slices.ContainsFunc(tags, func(t part10.Tag) bool {
		return t == 0x00280030 || t == 0x00181164 || t == 0x00181114 || t == 0x00182010
	})
}

// late is a checker of what stands behind the pixel data, which the plan did not
// read; nil where nothing does.
func late(res *deidentify.Result) *leak.Checker {
	var behind leak.Originals
	found := false
	for _, v := range res.Originals {
		if v.Tag > object.PixelData {
			behind.Add([]deidentify.Original{v})
			found = true
		}
	}
	if !found {
		return nil
	}
	return behind.Checker()
}
