package export

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// remember collects the values of an object that must not be in the output.
func (e *run) remember(res *deidentify.Result) {
	values := res.Originals
	if slices.Contains(e.Deidentify.Retain, profile.ModifiedDates) {
		values = e.dates.take(res.Patient, values)
	}
	e.originals.Add(values)
}

// patientDates are the original dates of each patient if dates are shifted. Every file is
// searched for all of them. A shifted date of one patient can be equal to an original date of
// another. Therefore a file's own shifted date counts as a hit only if it is an original date
// of the same patient.
type patientDates struct {
	mu      sync.Mutex
	values  map[string][]deidentify.Original
	all     leak.Originals
	checker *leak.Checker // of all patients; nil if dates are not searched for separately
}

// buildChecker creates the checker of all patients' dates.
func (p *patientDates) buildChecker() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.values) > 0 {
		p.checker = p.all.Checker()
	}
}

// own registers tokens that the export has made.
func (e *run) own(tokens ...string) {
	e.originals.Own(tokens...)
	e.dates.all.Own(tokens...)
}

// take stores the dates among values and returns the other values.
func (p *patientDates) take(patient string, values []deidentify.Original) (others []deidentify.Original) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string][]deidentify.Original{}
	}
	for _, v := range values {
		if v.VR == "DA" || v.VR == "DT" {
			p.values[patient] = append(p.values[patient], v)
			p.all.Add([]deidentify.Original{v})
		} else {
			others = append(others, v)
		}
	}
	return others
}

// of returns a checker of a patient's dates, nil if there are none.
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

// checkers returns the checkers for the files of an object.
func (e *run) checkers(res *deidentify.Result) []*leak.Checker {
	out := []*leak.Checker{e.checker}
	if c := e.dates.checker; c != nil {
		out = append(out, c.WithOwn(shifted(res)...))
	}
	if c := e.dates.of(res.Patient); c != nil {
		out = append(out, c.WithOwn(made(res)...))
	}
	if c := afterPixels(res); c != nil {
		out = append(out, c)
	}
	return out
}

// made returns the tokens in a de-identified object that the export has made.
func made(res *deidentify.Result) []string {
	out := append([]string{res.Patient}, res.Made...)
	res.Object.Walk(func(s *object.Set, el *object.Element, _ []part10.Tag) {
		if el.VR == "UI" {
			out = append(out, s.TextOf(el)...)
		}
	})
	return out
}

// shifted returns the dates in a de-identified object as tokens of digits, without the offset
// from UTC.
func shifted(res *deidentify.Result) (out []string) {
	res.Object.Walk(func(s *object.Set, el *object.Element, _ []part10.Tag) {
		if el.VR != "DA" && el.VR != "DT" {
			return
		}
		for _, v := range s.TextOf(el) {
			out = append(out, strings.FieldsFunc(v, func(r rune) bool { return r == '-' || r == '+' })...)
		}
	})
	return out
}

// sweep removes from an object kept values that contain a value that was removed from this
// object or another one.
func (e *run) sweep(res *deidentify.Result) {
	checkers := e.checkers(res)
	res.Sweep(func(value []byte) bool {
		return slices.ContainsFunc(checkers, func(c *leak.Checker) bool { return c.Holds(value) })
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range res.Swept {
		e.note(fmt.Sprintf("%v was taken out where its value is also one that was removed", t))
	}
}

// hasPixelSize reports whether tags contains an attribute with the size of a pixel.
func hasPixelSize(tags []part10.Tag) bool {
	return slices.ContainsFunc(tags, func(t part10.Tag) bool {
		return t == 0x00280030 || t == 0x00181164 || t == 0x00181114 || t == 0x00182010
	})
}

// afterPixels returns a checker of the values after the pixel data, which plan has not read; nil if
// there are none.
func afterPixels(res *deidentify.Result) *leak.Checker {
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
