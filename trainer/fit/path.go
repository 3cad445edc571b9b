package fit

import (
	"errors"
	"fmt"

	"dicomnode/trainer/fit/step"
)

// Values of Options.Fast.
const (
	FastAuto = "auto"
	FastOff  = "off"
)

// ErrOtherPath means that a checkpoint cannot be resumed here with the same results.
var ErrOtherPath = errors.New("the checkpoint was made on the fast path, which this run may not take or this processor has not")

// choosePath sets the layout of the run's maps: that of the checkpoint, so that results stay
// bit-identical, or the fastest.
func (r *run) choosePath(cpu bool) error {
	shape := &r.source.shape
	block := 0
	if r.o.Fast == FastAuto && cpu && !(r.resumed && shape.Block == 0) {
		block = step.FastBlock(shape.Net)
	}
	if r.resumed && block != shape.Block {
		return fmt.Errorf("read checkpoint %s: %w", r.o.Checkpoint, ErrOtherPath)
	}
	shape.Block, shape.ChannelMajor = block, cpu && block == 0
	return nil
}
