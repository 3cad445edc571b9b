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

// ErrOther is a folder that holds another data set, or pictures simulated with another seed, size, anatomy or Version.
var ErrOther = errors.New("the folder holds another data set, or one simulated with another seed, size, anatomy or version of the simulator")

// Version says which pictures a seed gives: it counts up whenever they change. 1 stands for
// all before it was written down; 2 takes bone by its own Hounsfield units.
const Version = 2

// originFile tells what the pictures of a folder are made from.
const originFile = "simulate.json"

// origin is what all pictures of a folder depend on.
type origin struct {
	Simulator int              `json:"simulator,omitempty"` // Version
	Seed      uint64           `json:"seed"`
	Size      int              `json:"size"` // longer side in pixels
	Anatomy   []anatomyPortion `json:"anatomy"`
}

// maxOrigin is how large an origin may be, in bytes.
const maxOrigin = 1 << 20

// VersionOf is the Version that simulated a folder's pictures, 0 where they are not simulated.
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

// rowsThere refuses a folder of other pictures with [ErrOther], and returns the rows of its table by id, none while
// there is no table.
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

// rows reads the table that is there; rows of other pictures are [ErrOther].
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

// patient is the pseudonym of who is seen in view v, with all its samples.
func (o Options) patient(v int) string { return fmt.Sprintf("sim-%d-view-%06d", o.Seed, v) }
