// Package review lets a person review pictures that may have burned-in text. It stores the
// pictures and the decisions, and shows the pictures on a web page.
package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dicomnode/internal/durable"
	"dicomnode/trainer/export/burned"
)

// Verdict is a person's decision about a picture.
type Verdict string

// The verdicts.
const (
	Keep   Verdict = "keep"   // nothing in it identifies anybody: it stays unchanged
	Blank  Verdict = "blank"  // the boxes contain everything that does: they are filled
	Reject Verdict = "reject" // it is not exported
	// Undecided withdraws a decision.
	Undecided Verdict = ""
)

// Decision is a verdict on a picture with the boxes that were shown.
type Decision struct {
	ID      string       `json:"id"`
	Verdict Verdict      `json:"verdict"`
	Boxes   []burned.Box `json:"boxes"`
	// Fill are boxes that the person has added, which Blank fills too.
	Fill []burned.Box `json:"fill,omitempty"`
	// Graphics is the digest of the overlays that were shown, "" if there are none.
	Graphics string `json:"graphics,omitempty"`
}

// Waiting is a picture that waits for review.
type Waiting struct {
	ID    string       `json:"id"`
	Boxes []burned.Box `json:"boxes"` // that Blank fills, in pixels of the image
	// Inside are boxes of what may be text or anatomy; they are filled only if the person
	// chooses them.
	Inside []burned.Box `json:"inside,omitempty"`
	// Width and Height are the size of the image to which the boxes refer.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Graphics is a digest of the overlays that the preview shows and that Keep keeps, "" if
	// there are none.
	Graphics string `json:"graphics,omitempty"`
}

// identifier matches an ID, which is used in file names.
var identifier = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Hold stores a picture for review. An earlier decision about it counts only if the findings are
// the same.
func Hold(dir string, w Waiting, preview image.Image) error {
	id := w.ID
	if !identifier.MatchString(id) {
		return errors.New("hold picture: invalid ID")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, preview); err != nil {
		return fmt.Errorf("hold picture: %w", err)
	}
	text, err := json.Marshal(w)
	if err == nil {
		err = durable.ReplaceBytes(filepath.Join(dir, id+".png"), 0o600, b.Bytes())
	}
	if err == nil {
		err = durable.ReplaceBytes(filepath.Join(dir, id+".waiting.json"), 0o600, text)
	}
	return err
}

// List returns the waiting pictures, by ID.
func List(dir string) ([]Waiting, error) {
	return readAll[Waiting](dir, ".waiting.json")
}

// Read returns the decisions, by ID; none if the folder does not exist.
func Read(dir string) (map[string]Decision, error) {
	all, err := readAll[Decision](dir, ".decision.json")
	out := map[string]Decision{}
	for _, d := range all {
		out[d.ID] = d
	}
	return out, err
}

func readAll[T any](dir, suffix string) ([]T, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	var out []T
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		var v T
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil {
			err = json.Unmarshal(b, &v)
		}
		if err != nil {
			return nil, fmt.Errorf("read review: %w", err)
		}
		out = append(out, v)
	}
	return out, nil
}

// Matches reports whether the decision is about these findings.
func (d Decision) Matches(boxes []burned.Box, graphics string) bool {
	return slices.Equal(d.Boxes, boxes) && d.Graphics == graphics
}

// Decide stores a verdict on a waiting picture. It returns an error if the boxes that were
// shown differ from those of the waiting picture.
func Decide(dir string, d Decision) error {
	if !identifier.MatchString(d.ID) || !slices.Contains([]Verdict{Keep, Blank, Reject, Undecided}, d.Verdict) {
		return errors.New("decide: no such picture or verdict")
	}
	var w Waiting
	b, err := os.ReadFile(filepath.Join(dir, d.ID+".waiting.json"))
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	path := filepath.Join(dir, d.ID+".decision.json")
	if d.Verdict == Undecided {
		return withdraw(path)
	}
	if err := d.check(w); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(path, 0o600, text)
}

// withdraw removes a decision, if there is one.
func withdraw(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("withdraw decision: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// check compares a decision with what was to be decided.
func (d Decision) check(w Waiting) error {
	switch {
	case !d.Matches(w.Boxes, w.Graphics):
		return errors.New("decide: the boxes or graphics have changed since they were shown; look again")
	case d.Verdict == Blank && len(d.Boxes)+len(d.Fill) == 0:
		return errors.New("decide: there is no box to fill; draw one, keep or reject")
	case d.Verdict != Blank && len(d.Fill) > 0:
		return errors.New("decide: boxes were added, but only Blank fills them")
	case slices.ContainsFunc(d.Fill, func(b burned.Box) bool { return b.Width < 1 || b.Height < 1 || b.Within(w.Height, w.Width) != b }):
		return errors.New("decide: an added box is not in the picture")
	}
	return nil
}
