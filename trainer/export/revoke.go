package export

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/trainer/dataset"
)

// Revoke removes patients and images, given by their pseudonyms or IDs, from a set: first their
// files, then their lines in the tables. Later exports leave them out: project.json lists
// hashes of the names. It returns the removed files. If a name is not in the set, it returns an
// error and removes nothing.
func Revoke(out string, who []string) ([]string, error) {
	all, err := ReadManifest(out)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, name := range who {
		n := 0
		for _, r := range all {
			if r.Patient == name || r.ID == name {
				gone[r.ID] = true
				n++
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("revoke: the set holds no patient or image %q", name)
		}
	}
	if err := remember(out, who, all); err != nil {
		return nil, fmt.Errorf("revoke: %w", err)
	}
	var removed []string
	for id := range gone {
		for path := range all[id].Files {
			if !filepath.IsLocal(filepath.FromSlash(path)) {
				return nil, fmt.Errorf("revoke: the manifest names a file outside the set")
			}
			if err := os.Remove(filepath.Join(out, filepath.FromSlash(path))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return removed, fmt.Errorf("revoke: %w", err)
			}
			removed = append(removed, path)
		}
		delete(all, id)
	}
	slices.Sort(removed)
	return removed, rewrite(out, all)
}

// remember lists names as revoked in the project file of a set.
func remember(out string, who []string, all map[string]Record) error {
	p, err := readProject(out)
	if err != nil {
		return err
	}
	for _, r := range all {
		p.Project = r.Project
	}
	for _, name := range who {
		p.Revoked = append(p.Revoked, hashOf(name))
	}
	slices.Sort(p.Revoked)
	p.Revoked = slices.Compact(p.Revoked)
	return p.write(out, 0o644)
}

// rewrite replaces the tables of a set and removes those that are no longer needed.
func rewrite(out string, all map[string]Record) error {
	tables, err := tables(all)
	if err != nil {
		return err
	}
	for _, name := range []string{dataset.Table, "monai.json", "colours.gpl", nnunetFolder + "/dataset.json", nnunetFolder + "/splits_final.json"} {
		if tables[name] == nil {
			if err := os.Remove(filepath.Join(out, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return writeTables(out, maps.Clone(tables))
}
