package fit

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/trainer/fit/step"
)

// checkpoint is everything needed to resume a run.
type checkpoint struct {
	Format  int
	Run     string // digest of the options and the samples
	State   step.State
	Average []float32
	Block   int // shapeOf.block of the run, whose results are exact on its own path only
	Elapsed time.Duration
	Best    candidate
	Worse   int
	Curve   []Point
	Losses  window
	Since   mean
	Rate    float64 // of the last step, for a validation that is still due
}

// checkpointFormat 5 names the validation's images too, which no earlier one did.
const checkpointFormat = 5

// candidate is parameters and how good they were on the validation data.
type candidate struct {
	Step       int // 0: none
	Accuracy   float64
	Loss       float64 // cross-entropy, nats per pixel
	Parameters []float32
	Statistics []float32
}

// ErrNoCheckpoint means that a file is not one that a run wrote.
var ErrNoCheckpoint = errors.New("it is not a checkpoint")

// ErrNothingToFinish means that there is no checkpoint of a run that is to be ended.
var ErrNothingToFinish = errors.New("there is no checkpoint to finish")

// ErrEarlierFormat means that it cannot be told which images a checkpoint's run was validated on.
var ErrEarlierFormat = errors.New("the checkpoint is of an earlier version of this program, which did not record the images of the validation")

// ErrOtherRun means that a checkpoint belongs to other options or data.
var ErrOtherRun = errors.New("the checkpoint belongs to a run with other options or data")

// better reports whether c is better than best in what a run stops on.
func (c candidate) better(best candidate, stopOn string) bool {
	switch {
	case best.Step == 0:
		return true
	case stopOn == Accuracy:
		return c.Accuracy > best.Accuracy
	}
	return c.Loss < best.Loss
}

// save replaces the checkpoint at path atomically.
func (c *checkpoint) save(path string) error {
	if err := durable.Replace(path, 0o644, c.write); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

func (c *checkpoint) write(w io.Writer) error {
	buf := bufio.NewWriterSize(w, 1<<20)
	return errors.Join(gob.NewEncoder(buf).Encode(c), buf.Flush())
}

// resume reads the checkpoint at path for the run that is called so; it returns nil when there
// is no file.
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
		return nil, fmt.Errorf("read checkpoint %s: %w: %w", path, ErrNoCheckpoint, err)
	}
	if err := c.belongs(run); err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	n := net.NumParameters()
	for _, v := range [][]float32{c.State.P, c.State.M, c.State.V, c.Average} {
		if len(v) != n {
			return nil, fmt.Errorf("read checkpoint %s: %d parameters, want %d", path, len(v), n)
		}
	}
	return &c, nil
}

// belongs refuses another run's checkpoint and other formats.
func (c *checkpoint) belongs(run string) error {
	switch {
	case c.Format > checkpointFormat:
		return fmt.Errorf("its format %d is of a later version of this program, which reads up to %d", c.Format, checkpointFormat)
	case c.Format < checkpointFormat:
		return ErrEarlierFormat
	case c.Run != run:
		return ErrOtherRun
	}
	return nil
}
