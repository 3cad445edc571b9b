package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"dicomnode/trainer/dataset"
)

// manifestName is the name of the manifest of "trainer export", in the parent folder of the
// images.
const manifestName = "manifest.jsonl"

// exported is what a line of the manifest says of an image, as far as a data set
// folder has room for it.
type exported struct {
	ID        string  `json:"id"`
	Patient   string  `json:"patient"` // a pseudonym
	BodyPart  string  `json:"body_part"`
	Polarity  string  `json:"polarity"`
	SpacingMM float64 `json:"spacing_mm"`
}

// readManifest reads the manifest around a folder of images, by ID; nil where there
// is none.
func readManifest(images string) (map[string]exported, error) {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Clean(images)), manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]exported{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e exported
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.ID == "" {
			return nil, fmt.Errorf("read %s, line %d: not a line of an export", manifestName, n)
		}
		out[e.ID] = e
	}
	return out, lines.Err()
}

// columns are those that a manifest fills.
var columns = []string{dataset.PatientColumn, dataset.SpacingColumn}

// about completes an item by the manifest: pictures of a patient must come into one
// part of a split, and what is known of an image need not be guessed.
func (p Painted) about(it *dataset.Item, stem string, known map[string]exported) (listed bool) {
	if known == nil {
		return false
	}
	it.Extra = make([]string, len(columns))
	e, listed := known[path.Base(stem)]
	if !listed {
		it.Extra[0] = it.ID // a patient of its own
		return false
	}
	it.Extra[0] = e.Patient
	if e.SpacingMM > 0 {
		it.Extra[1] = strconv.FormatFloat(e.SpacingMM, 'g', -1, 64)
	}
	if p.BodyPart == "" && e.BodyPart != "" {
		it.BodyPart = strings.ToLower(e.BodyPart)
	}
	return true
}
