package dataset

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// checkFolder reports what only the items together show.
func (f *Folder) checkFolder(r *Report, found []*examined) []Problem {
	if len(found) == 0 && len(r.Problems) == 0 {
		return []Problem{{What: Table + " lists no image", Hint: "add a row for each image"}}
	}
	var out []Problem
	for _, check := range []func(*Report, []*examined) []Problem{
		f.checkClasses, f.checkSplits, f.checkPatients, f.checkDuplicates, f.checkShared, f.checkBodyParts, f.checkUnused,
	} {
		out = append(out, check(r, found)...)
	}
	return out
}

// checkClasses finds classes that no label has.
func (f *Folder) checkClasses(r *Report, found []*examined) (out []Problem) {
	if len(found) == 0 || r.Classes == [Classes]float64{} {
		return nil
	}
	for c, s := range r.Classes {
		if s == 0 {
			out = append(out, Problem{Severity: Warning, What: fmt.Sprintf("no label has a pixel of %s (value %d)", ClassNames[c], c),
				Hint: "a model trained on this folder alone cannot find it; look whether the label values are shifted"})
		}
	}
	return out
}

// checkSplits: once a split is made, each has images and no image is left out.
func (f *Folder) checkSplits(r *Report, found []*examined) (out []Problem) {
	if r.Splits[""] == len(found) {
		return nil
	}
	for _, s := range []string{Train, Validation, Test} {
		if r.Splits[s] == 0 {
			out = append(out, Problem{Severity: Warning, Column: "split", What: fmt.Sprintf("the split %s is empty", s),
				Hint: "\"dicomnode trainer split\" makes all three; training needs train and val, figures need test"})
		}
	}
	if n := r.Splits[""]; n > 0 {
		out = append(out, Problem{Severity: Warning, Column: "split", What: fmt.Sprintf("%d of %d images have no split and count as train", n, len(found)),
			Hint: "\"dicomnode trainer split --keep\" places them and leaves the others where they are"})
	}
	return out
}

// checkPatients: a patient in two splits makes the figures too good.
func (f *Folder) checkPatients(_ *Report, found []*examined) (out []Problem) {
	splits := map[string][]string{}
	var order []string
	for _, e := range found {
		p := f.Extra(e.item, PatientColumn)
		if p == "" || slices.Contains(splits[p], splitOf(e.item)) {
			continue
		}
		if splits[p] == nil {
			order = append(order, p)
		}
		splits[p] = append(splits[p], splitOf(e.item))
	}
	for _, p := range order {
		if len(splits[p]) > 1 {
			out = append(out, Problem{Column: PatientColumn, What: fmt.Sprintf("patient %q is in the splits %s", p, strings.Join(splits[p], " and ")),
				Hint: "\"dicomnode trainer split --replace\" divides by patient, never by image"})
		}
	}
	return out
}

// splitOf is the item's split as fitting takes it.
func splitOf(it Item) string {
	if it.Split == "" {
		return Train
	}
	return it.Split
}

// checkDuplicates finds images with the same pixels: across splits they are a
// leak, within one they count twice.
func (f *Folder) checkDuplicates(_ *Report, found []*examined) (out []Problem) {
	first := map[[32]byte]*examined{}
	for _, e := range found {
		o, ok := first[e.content]
		switch {
		case e.content == [32]byte{}:
		case !ok:
			first[e.content] = e
		case splitOf(o.item) != splitOf(e.item):
			out = append(out, Problem{Line: e.line, ID: e.item.ID, Column: "image",
				What: fmt.Sprintf("has the same pixels as %q, but is in %s, not in %s", o.item.ID, splitOf(e.item), splitOf(o.item)),
				Hint: "remove one of the two rows: what was trained on cannot be tested on"})
		default:
			out = append(out, Problem{Severity: Warning, Line: e.line, ID: e.item.ID, Column: "image",
				What: fmt.Sprintf("has the same pixels as %q", o.item.ID), Hint: "remove one of the two rows, or it counts twice"})
		}
	}
	return out
}

// checkShared finds a label file used for two images.
func (f *Folder) checkShared(_ *Report, found []*examined) (out []Problem) {
	first := map[string]*examined{}
	for _, e := range found {
		name := path.Clean(e.item.Label)
		if o, ok := first[name]; ok && path.Clean(o.item.Image) != path.Clean(e.item.Image) {
			out = append(out, Problem{Severity: Warning, Line: e.line, ID: e.item.ID, Column: "label",
				What: fmt.Sprintf("uses the label file of %q", o.item.ID), Hint: "look whether the row was copied and not changed"})
			continue
		}
		first[name] = e
	}
	return out
}

// checkBodyParts finds names that differ only in spaces and capitals, which count
// as different body parts.
func (f *Folder) checkBodyParts(r *Report, found []*examined) (out []Problem) {
	spelt := map[string][]string{}
	for _, e := range found {
		k := strings.ToLower(strings.Join(strings.Fields(e.item.BodyPart), " "))
		if !slices.Contains(spelt[k], e.item.BodyPart) {
			spelt[k] = append(spelt[k], e.item.BodyPart)
		}
	}
	for _, names := range spelt {
		if len(names) > 1 {
			slices.Sort(names)
			out = append(out, Problem{Severity: Warning, Column: "body_part", What: fmt.Sprintf("the body parts %q differ only in spaces and capitals", names),
				Hint: "write them alike: split and augment count them apart"})
		}
	}
	slices.SortFunc(out, func(a, b Problem) int { return strings.Compare(a.What, b.What) })
	if n := r.BodyParts[""]; n > 0 && n < len(found) {
		out = append(out, Problem{Severity: Warning, Column: "body_part", What: fmt.Sprintf("%d of %d images have no body part", n, len(found)),
			Hint: "they count as one body part of their own"})
	}
	return out
}

// checkUnused finds pictures in the usual folders that no row names.
func (f *Folder) checkUnused(r *Report, found []*examined) (out []Problem) {
	named := map[string]bool{}
	for _, e := range found {
		named[path.Clean(e.item.Image)], named[path.Clean(e.item.Label)] = true, true
	}
	if r.Images == 0 || slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Line > 0 && p.Column == "" }) {
		return nil // rows that were not read may name them
	}
	for _, dir := range []string{"images", "labels"} {
		entries, err := fs.ReadDir(f.root.FS(), dir)
		if err != nil {
			continue // no such folder: the table names files elsewhere
		}
		n, example := 0, ""
		for _, d := range entries {
			if name := path.Join(dir, d.Name()); d.Type().IsRegular() && !named[name] {
				n, example = n+1, name
			}
		}
		if n > 0 {
			out = append(out, Problem{Severity: Warning, What: fmt.Sprintf("%d files in %s are named by no row, such as %s", n, dir, example),
				Hint: "add rows for them or delete them"})
		}
	}
	return out
}
