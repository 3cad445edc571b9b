package dark

import "crypto/sha256"

// ReadCalibration reads a calibration file whose digest is appended here, so that
// fuzzing gets past it.
func ReadCalibration(b []byte) {
	sum := sha256.Sum256(b)
	if a, err := readAccumulator(append(b[:len(b):len(b)], sum[:]...)); err == nil && a.Dark.N > 0 {
		a.calibration("")
	}
}

// TakeFrames adds n different frames of one pixel to a calibration in memory.
func TakeFrames(n int) error {
	var a accumulator
	for i := range n {
		if _, err := a.take(false, []float32{float32(i)}); err != nil {
			return err
		}
	}
	return nil
}

// MaxFrames is maxFrames.
const MaxFrames = maxFrames
