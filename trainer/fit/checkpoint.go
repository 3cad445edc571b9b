package fit

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dicomnode/model"
)

// checkpoint is everything needed to go on with a run.
type checkpoint struct {
	Format  int
	Run     string // digest of the options and the samples
	State   state
	Average []float32
	Block   int // shapeOf.block of the run, whose results are exact on its own path only
	Elapsed time.Duration
	Best    candidate
	Worse   int
	Curve   []Point
	Losses  window
}

const checkpointFormat = 1

// candidate is the best parameters so far by validation accuracy.
type candidate struct {
	Step       int // 0: none
	Accuracy   float64
	Parameters []float32
	Statistics []float32
}

// ErrOtherRun means that a checkpoint belongs to other options or data.
var ErrOtherRun = errors.New("the checkpoint belongs to a run with other options or data")

// save writes the checkpoint so that path always holds a whole one.
func (c *checkpoint) save(path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".checkpoint-*")
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("save checkpoint: %w", err), os.Remove(file.Name()))
		}
	}()
	buf := bufio.NewWriterSize(file, 1<<20)
	if err := errors.Join(gob.NewEncoder(buf).Encode(c), buf.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// resume reads the checkpoint at path for the run called run; it returns nil
// when there is no file.
func resume(path, run string, net model.Network) (*checkpoint, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	defer file.Close()
	var c checkpoint
	if err := gob.NewDecoder(bufio.NewReaderSize(file, 1<<20)).Decode(&c); err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	if c.Format != checkpointFormat || c.Run != run {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, ErrOtherRun)
	}
	n := net.NumParameters()
	for _, v := range [][]float32{c.State.P, c.State.M, c.State.V, c.Average} {
		if len(v) != n {
			return nil, fmt.Errorf("read checkpoint %s: %d parameters, want %d", path, len(v), n)
		}
	}
	return &c, nil
}
