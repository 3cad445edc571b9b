package simulate

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/durable"
	"dicomnode/internal/option"
)

// DXOptions says which detector read-outs to simulate.
type DXOptions struct {
	Anatomy       *Anatomy // nil: the built-in phantom
	Out           string   // folder
	Seed          uint64
	First, Count  int // the exposures show the views First … First+Count−1 of Seed
	Darks         int // exposures with the tube off
	Rows, Columns int // 64 to 4096
	DetectorID    string
}

// Check returns ErrOptions if RunDX cannot write o.
func (o DXOptions) Check() error {
	switch {
	case !detectable(o.Rows, o.Columns):
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("dicom", "%dx%d: want 64 to 4096 rows and columns", o.Rows, o.Columns))
	case o.Count < 0 || o.Darks < 0 || o.First < 0 || o.Out == "":
		return fmt.Errorf("%w: count %d, first %d, dark frames %d, out %q", ErrOptions, o.Count, o.First, o.Darks, o.Out)
	}
	return nil
}

// RunDX writes radiographs and dark frames of one detector as DX For Processing files (DX) to a
// folder and returns their paths: dx-SEED-000001.dcm, dark-SEED-000001.dcm. Existing files are
// overwritten. A file is either complete or absent.
func RunDX(ctx context.Context, o DXOptions) (images, darks []string, err error) {
	if err := o.Check(); err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, nil, err
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	write := func(name string, v int, dark bool) string {
		path := filepath.Join(o.Out, fmt.Sprintf("%s-%d-%06d.dcm", name, o.Seed, v))
		g.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			return writeDX(path, Exposure{Anatomy: o.Anatomy, Rows: o.Rows, Columns: o.Columns, Seed: o.Seed, View: v, DetectorID: o.DetectorID, Dark: dark})
		})
		return path
	}
	for v := o.First; v < o.First+o.Count; v++ {
		images = append(images, write("dx", v, false))
	}
	for v := range o.Darks {
		darks = append(darks, write("dark", v, true))
	}
	return images, darks, g.Wait()
}

func writeDX(path string, e Exposure) error {
	return durable.Whole(path, 0o644, func(w io.Writer) error { return DX(w, e) })
}
