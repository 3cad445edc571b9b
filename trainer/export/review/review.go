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
)

// Decision is a verdict on a picture with the boxes that were shown.
type Decision struct {
	ID      string       `json:"id"`
	Verdict Verdict      `json:"verdict"`
	Boxes   []burned.Box `json:"boxes"`
	// Graphics is the digest of the overlays that were shown, "" if there are none.
	Graphics string `json:"graphics,omitempty"`
}

// Waiting is a picture that waits for review.
type Waiting struct {
	ID    string       `json:"id"`
	Boxes []burned.Box `json:"boxes"` // that Blank fills, in pixels of the image
	// Inside are boxes of what may be text or anatomy; they are not filled.
	Inside []burned.Box `json:"inside,omitempty"`
	// Width is the width of the image to which the boxes refer.
	Width int `json:"width"`
	// Graphics is a digest of the overlays that the preview shows and that Keep keeps, "" if
	// there are none.
	Graphics string `json:"graphics,omitempty"`
}

// identifier matches an ID, which is used in file names.
var identifier = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Hold stores a picture for review; an earlier decision about it is discarded.
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

// Decide stores a verdict on a waiting picture. It returns an error if the boxes that were
// shown differ from those of the waiting picture.
func Decide(dir string, d Decision) error {
	if !identifier.MatchString(d.ID) || !slices.Contains([]Verdict{Keep, Blank, Reject}, d.Verdict) {
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
	if !slices.Equal(w.Boxes, d.Boxes) || w.Graphics != d.Graphics {
		return errors.New("decide: the boxes or graphics have changed since they were shown; look again")
	}
	if d.Verdict == Blank && len(d.Boxes) == 0 {
		return errors.New("decide: there is no box to fill; keep or reject")
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(filepath.Join(dir, d.ID+".decision.json"), 0o600, text)
}
