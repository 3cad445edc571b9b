package fit

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/trainer/evaluate"
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
	Since   mean    // not in format 1
	Rate    float64 // of the last step, for a validation that is still due; not in older ones
}

// checkpointFormat 4 measures the statistics of a validation on no more batches than
// were trained on since the last; 3 always on Options.Recalibrate. 3 has elastic deformation in the default augmentation, which 2
// had not; 2 knows the validation loss, and runs of 1 stopped on accuracy.
const checkpointFormat = 4

// candidate is parameters and how good they were on the validation data.
type candidate struct {
	Step       int // 0: none
	Accuracy   float64
	Loss       float64 // cross-entropy, nats per pixel; not in format 1
	Parameters []float32
	Statistics []float32
}

// ErrNoCheckpoint means that a file is not one that a run wrote.
var ErrNoCheckpoint = errors.New("it is not a checkpoint")

// ErrNothingToFinish means that there is no checkpoint of a run that is to be ended.
var ErrNothingToFinish = errors.New("there is no checkpoint to finish")

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

// resume reads the checkpoint at path for the run that is called run(format) in the
// checkpoint's format; it returns nil when there is no file.
func resume(path string, run func(format int) string, net model.Network) (*checkpoint, error) {
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
	if err := c.belongs(run(c.Format)); err != nil {
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

// belongs refuses another run's checkpoint, and brings one of format 1, whose runs
// stopped on accuracy, up to date.
func (c *checkpoint) belongs(run string) error {
	switch {
	case c.Format > checkpointFormat:
		return fmt.Errorf("its format %d is of a later version of this program, which reads up to %d", c.Format, checkpointFormat)
	case c.Format < 2 && c.Run != run:
		return fmt.Errorf("%w, or to one of an earlier version, which stopped on accuracy and validated every 500 steps: use these options to resume", ErrOtherRun)
	case c.Run != run:
		return ErrOtherRun
	}
	if c.Format < 2 {
		c.Format = 2
		for i := range c.Curve {
			c.Curve[i].ValidationLoss = evaluate.Value(math.NaN())
		}
	}
	return nil
}
