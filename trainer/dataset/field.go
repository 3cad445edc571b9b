package dataset

import "fmt"

// Labels of the exposed field, in the order of model.Field's classes.
const (
	Unexposed  = 0 // the beam did not reach it, or something drawn over the picture hides it
	Lit        = 1 // exposed open beam
	Attenuated = 2 // exposed, with something in the beam: body, markers, metal
)

// LoadField is Load with the exposed field as the label, of a folder that has the
// column [FieldColumn]: [Unexposed], [Lit] or [Attenuated] at each pixel. Within the
// field what is not labelled open beam attenuates, also where the label is [Ignore].
func (f *Folder) LoadField(it Item) (*Picture, error) {
	p, err := f.Load(it)
	if err != nil {
		return nil, err
	}
	name := f.Extra(it, FieldColumn)
	if !local(name) {
		return nil, fmt.Errorf("item %s: column %q has %q, want the path of its exposed field inside the folder", it.ID, FieldColumn, name)
	}
	m, err := f.decode(name, pngFormat)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	if b := m.Bounds(); b.Dx() != p.Cols || b.Dy() != p.Rows {
		return nil, fmt.Errorf("item %s: the image is %d×%d, its field %d×%d", it.ID, p.Cols, p.Rows, b.Dx(), b.Dy())
	}
	field, err := labelValues(m)
	if err != nil {
		return nil, fmt.Errorf("item %s: field %s %w", it.ID, name, err)
	}
	for i, v := range field {
		switch {
		case v == 0:
			p.Label[i] = Unexposed
		case v != 255:
			return nil, fmt.Errorf("item %s: field %s has value %d at column %d row %d, want 0 or 255", it.ID, name, v, i%p.Cols, i/p.Cols)
		case p.Label[i] == OpenBeam:
			p.Label[i] = Lit
		default:
			p.Label[i] = Attenuated
		}
	}
	return p, nil
}
