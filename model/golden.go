package model

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// GoldenTolerance is the greatest difference, in probability, that the
// self-test allows between a stored mean and the one computed here. Single
// precision kernels of different processors and of CUDA differ by about 1e-5; a
// wrong weight, layer or library differs by far more.
const GoldenTolerance = 1e-3

// The golden image is stored as goldenSide² steps of 1/127, each repeated over a
// square of pixels, and its expected output as the mean probability of each
// class over each of cellSide² squares, one per value of the deepest layer.
const (
	goldenSide = 50
	cellSide   = Size / 8
)

// golden is the self-test of a bundle under the metadata key "golden".
type golden struct {
	Input    string `json:"input"`    // base64 of goldenSide² signed bytes, row-major
	Expected string `json:"expected"` // base64 of 3×cellSide² float32, little endian
}

// goldenPicture draws a limb: bright beam, a darker soft-tissue ellipse, two
// darker shafts of bone, in steps of 1/127.
func goldenPicture() []byte {
	picture := make([]byte, goldenSide*goldenSide)
	for i := range picture {
		row, col := i/goldenSide, i%goldenSide
		v := 100 - row/10
		if dr, dc := row-25, col-25; dr*dr+4*dc*dc < 24*24 {
			v = 20 - (24*24-dr*dr-4*dc*dc)/24
		}
		if (col-20)*(col-20) < 5+(row-25)*(row-25)/100 || (col-30)*(col-30) < 4 {
			if row > 5 && row < 44 {
				v = -100 + (row*7+col*3)%5
			}
		}
		picture[i] = byte(int8(v))
	}
	return picture
}

// expand is the network's input for a stored picture.
func expand(picture []byte) []float32 {
	const step = Size / goldenSide
	x := make([]float32, Size*Size)
	for i := range x {
		row, col := i/Size/step, i%Size/step
		x[i] = float32(int8(picture[row*goldenSide+col])) / 127
	}
	return x
}

// cells averages probabilities 3×200×200 over squares: 3×cellSide².
func cells(p []float32) []float32 {
	const step = Size / cellSide
	sums := make([]float64, numClasses*cellSide*cellSide)
	for i, v := range p {
		class, row, col := i/(Size*Size), i/Size%Size, i%Size
		sums[(class*cellSide+row/step)*cellSide+col/step] += float64(v)
	}
	means := make([]float32, len(sums))
	for i, s := range sums {
		means[i] = float32(s / (step * step))
	}
	return means
}

// makeGolden stores the network's prediction for the golden picture.
func makeGolden(probabilities []float32) (string, error) {
	var raw []byte
	for _, v := range cells(probabilities) {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	g := golden{base64.StdEncoding.EncodeToString(goldenPicture()), base64.StdEncoding.EncodeToString(raw)}
	data, err := json.Marshal(g)
	return string(data), err
}

// selfTest is a golden image ready to compare.
type selfTest struct {
	input    []float32 // 1×1×200×200
	expected []float32 // 3×cellSide²
}

func parseGolden(text string) (selfTest, error) {
	var g golden
	if text == "" {
		return selfTest{}, errors.New("read golden image: the model has none")
	}
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return selfTest{}, fmt.Errorf("read golden image: %w", err)
	}
	picture, err1 := base64.StdEncoding.DecodeString(g.Input)
	raw, err2 := base64.StdEncoding.DecodeString(g.Expected)
	if err := errors.Join(err1, err2); err != nil {
		return selfTest{}, fmt.Errorf("read golden image: %w", err)
	}
	if len(picture) != goldenSide*goldenSide || len(raw) != 4*numClasses*cellSide*cellSide {
		return selfTest{}, fmt.Errorf("read golden image: %d and %d bytes are not its size", len(picture), len(raw))
	}
	expected := make([]float32, len(raw)/4)
	for i := range expected {
		expected[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	if i := firstNotFinite(expected); i >= 0 {
		return selfTest{}, fmt.Errorf("read golden image: expected value %d is not finite", i)
	}
	return selfTest{input: expand(picture), expected: expected}, nil
}

// compare returns an error if probabilities differ from the expected ones.
func (s selfTest) compare(probabilities []float32) error {
	worst, at := 0.0, 0
	for i, v := range cells(probabilities) {
		if d := math.Abs(float64(v - s.expected[i])); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	if !(worst <= GoldenTolerance) {
		return fmt.Errorf("%w: mean probability %d is off by %.2g, at most %g is allowed", ErrSelfTest, at, worst, GoldenTolerance)
	}
	return nil
}
