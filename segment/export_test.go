package segment

import (
	"context"
	"crypto/sha256"
	"math"
)

// Correct is correct on a copy of the image's samples.
func Correct(m *Image, c Calibration) ([]float32, DarkRecord) {
	pix := append([]float32(nil), m.Samples...)
	return pix, correct(m, pix, c)
}

// ReadCalibration reads a calibration file whose digest is appended here, so that
// fuzzing gets past it.
func ReadCalibration(b []byte) {
	sum := sha256.Sum256(b)
	if a, err := readAccumulator(append(b[:len(b):len(b)], sum[:]...)); err == nil && a.Dark.N > 0 {
		a.calibration("")
	}
}

// DecodeRLE is decodeRLE.
var DecodeRLE = decodeRLE

// Canonical is Image.canonical on a copy of the samples.
func Canonical(m *Image) ([]float32, PolarityRecord) {
	pix := append([]float32(nil), m.Samples...)
	return pix, m.canonical(pix)
}

// RemoveIslands is removeIslands.
var RemoveIslands = removeIslands

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

// MaxDarkFrames is maxDarkFrames.
const MaxDarkFrames = maxDarkFrames

// HullOf marks the pixels of the convex hull of a mask.
func HullOf(m []bool, rows, cols int) []bool {
	var p []point
	for r := range rows {
		first, last := -1, -1
		for k, in := range m[r*cols : (r+1)*cols] {
			if in && first < 0 {
				first = k
			}
			if in {
				last = k
			}
		}
		if first >= 0 {
			p = append(p, point{float64(first), float64(r)}, point{float64(last), float64(r)})
		}
	}
	hull := convexHull(p)
	out := make([]bool, len(m))
	for i := range out {
		out[i] = within(hull, float64(i%cols), float64(i/cols), 0.1)
	}
	return out
}

// within reports whether (x, y) lies in the hull or within margin of it.
func within(hull []point, x, y, margin float64) bool {
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		if cross(a, b, point{x, y}) < -margin*math.Hypot(b.x-a.x, b.y-a.y) {
			return false
		}
	}
	return true
}

// ExposedField is Pipeline.ExposedField by geometry alone.
func ExposedField(pix []float32, rows, cols int) (Mask, FieldRecord) {
	field, record, _ := (&Pipeline{}).ExposedField(context.Background(), pix, rows, cols) // only a network fails
	return field, record
}
