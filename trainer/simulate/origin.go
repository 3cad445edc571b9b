package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dicomnode/internal/durable"
	"dicomnode/trainer/dataset"
)

// ErrOther says that the folder contains another data set, or pictures simulated with another
// seed, size, anatomy or Version.
var ErrOther = errors.New("the folder holds another data set, or one simulated with another seed, size, anatomy or version of the simulator")

// Version is the version of the pictures: it increases when a seed gives different pictures.
// Version 1 stands for all before it was recorded. Version 2 uses the Hounsfield units of bone,
// version 3 a least share of bone, upright views of the trunk and stretched scans, version 4 a least
// share of mineral, version 5 trunk and head as a department positions and processes them, version 6
// marrow and thin bone within bone, and no pelvis from a side, version 7 less of the latter in a chest,
// version 8 diseased lungs, and gas in the bowel of CTs, version 9 no details of trunk and head, and no
// pictures of them in which borders of bone are invisible.
const Version = 9

// originFile says what the pictures of a folder are made from.
const originFile = "simulate.json"

// origin is what all pictures of a folder depend on.
type origin struct {
	Simulator int              `json:"simulator,omitempty"` // Version
	Seed      uint64           `json:"seed"`
	Size      int              `json:"size"` // longer side in pixels
	Anatomy   []anatomyPortion `json:"anatomy"`
}

// maxOrigin is the greatest size of an origin file in bytes.
const maxOrigin = 1 << 20

// VersionOf returns the Version that simulated a folder's pictures, 0 if they are not
// simulated.
func VersionOf(folder string) (int, error) {
	f, err := os.Open(filepath.Join(folder, originFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var o origin
	if err := json.NewDecoder(io.LimitReader(f, maxOrigin)).Decode(&o); err != nil {
		return 0, fmt.Errorf("read %s of %s: %w", originFile, folder, err)
	}
	return max(o.Simulator, 1), nil
}

type anatomyPortion struct {
	Identity string  `json:"identity"` // of the subject
	Weight   float64 `json:"weight"`   // share of the views
}

func (o Options) origin() ([]byte, error) {
	out := origin{Simulator: Version, Seed: o.Seed, Size: o.Size}
	for i, s := range o.Anatomy.subjects {
		out.Anatomy = append(out.Anatomy, anatomyPortion{s.Identity(), o.Anatomy.weights[i]})
	}
	return json.MarshalIndent(out, "", "  ")
}

// rowsThere returns the rows of the folder's table by id, none if there is no table. It returns
// [ErrOther] if the folder contains other pictures.
func (o Options) rowsThere() (map[string]dataset.Item, error) {
	want, err := o.origin()
	if err != nil {
		return nil, err
	}
	have, err := os.ReadFile(filepath.Join(o.Out, originFile))
	switch {
	case err == nil && !bytes.Equal(have, want):
		return nil, fmt.Errorf("simulate into %s: %w", o.Out, ErrOther)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return o.rows()
}

// sign writes what the folder's pictures are made from.
func (o Options) sign() error {
	text, err := o.origin()
	if err != nil {
		return err
	}
	return durable.Whole(filepath.Join(o.Out, originFile), 0o644, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// rows reads the existing table. It returns [ErrOther] if it has rows of other pictures.
func (o Options) rows() (map[string]dataset.Item, error) {
	f, err := dataset.Open(o.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows := map[string]dataset.Item{}
	for _, it := range f.Items {
		if !strings.HasPrefix(it.ID, fmt.Sprintf("sim-%d-", o.Seed)) {
			return nil, fmt.Errorf("simulate into %s: %w", o.Out, ErrOther)
		}
		rows[it.ID] = it
	}
	return rows, nil
}

// patient returns the pseudonym of the subject of view v and all its samples.
func (o Options) patient(v int) string { return fmt.Sprintf("sim-%d-view-%06d", o.Seed, v) }
