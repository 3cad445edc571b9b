// Package review has somebody look at pictures in which writing may be burned in: it
// keeps them, and what was decided about each, and shows them on a page of their
// own. It decides nothing itself.
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

// Verdict is what somebody decided about a picture.
type Verdict string

// The verdicts.
const (
	Keep   Verdict = "keep"   // nothing in it identifies: it stays as it is
	Blank  Verdict = "blank"  // the boxes hold everything that does: they are filled
	Reject Verdict = "reject" // it is not exported
)

// Decision is a verdict on a picture with the boxes that were shown.
type Decision struct {
	ID      string       `json:"id"`
	Verdict Verdict      `json:"verdict"`
	Boxes   []burned.Box `json:"boxes"`
	// Graphics is the digest of the overlays that were drawn, "" for none.
	Graphics string `json:"graphics,omitempty"`
}

// Waiting is a picture that waits.
type Waiting struct {
	ID    string       `json:"id"`
	Boxes []burned.Box `json:"boxes"` // that Blank fills, in pixels of the image
	// Inside may be writing or anatomy; nothing fills them.
	Inside []burned.Box `json:"inside,omitempty"`
	// Width is that of the image, to which the boxes refer.
	Width int `json:"width"`
	// Graphics is a digest of the overlays that the preview shows and that Keep keeps, ""
	// for none.
	Graphics string `json:"graphics,omitempty"`
}

// identifier is the form of an ID, which names files here.
var identifier = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Hold keeps a picture for review; what was decided about it before is void.
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

// List returns the pictures that wait, by ID.
func List(dir string) ([]Waiting, error) {
	return readAll[Waiting](dir, ".waiting.json")
}

// Read returns the decisions, by ID. A folder that is not there has none.
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

// Decide keeps a verdict on a picture that waits, together with the boxes that were
// shown: where these are not the ones that wait, it is refused.
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
