package decode

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
)

// lossySpread is the greatest difference, in stored values, between the three samples of a grey
// pixel after a lossy codec.
const lossySpread = 2

// unpackGrey converts grey images with three samples per pixel. An image with a pixel that is
// not grey is unsupported.
func (m *Image) unpackGrey(v values, of func(int) int) ([]float32, error) {
	allowed := 0.0
	if v.lossy {
		allowed = lossySpread
	}
	samples := make([]float32, m.Rows*m.Columns)
	for _, model := range m.colourModels() {
		if grey, err := m.greyAs(samples, v, of, model, allowed); err != nil || grey {
			return samples, err
		}
	}
	return nil, fmt.Errorf("%w: colour, not grey stored as colour", ErrUnsupported)
}

// colourModel returns a pixel's grey value and the range of its red, green and blue.
type colourModel func(m *Image, a, b, c int) (grey int, spread float64)

// colourModels returns the possible meanings of the samples, the most likely first. A JPEG
// codestream of process 1 or 2 declares its own colour transform, which some data sets
// contradict (PS3.5 8.2.1); its samples are not transformed when decoded.
func (m *Image) colourModels() []colourModel {
	luminance := false
	switch m.Text(tag.PhotometricInterpretation) {
	case "YBR_FULL", "YBR_FULL_422":
		luminance = true
	}
	jpeg := m.TransferSyntaxUID == uid.JPEGBaseline8Bit || m.TransferSyntaxUID == uid.JPEGExtended12Bit
	switch {
	case jpeg && luminance:
		return []colourModel{ybr, rgb}
	case jpeg:
		return []colourModel{rgb, ybr}
	case luminance:
		return []colourModel{ybr}
	}
	return []colourModel{rgb} // the decoder has undone YBR_RCT and YBR_ICT
}

func (m *Image) greyAs(samples []float32, v values, of func(int) int, model colourModel, allowed float64) (grey bool, err error) {
	var coloured atomic.Bool
	err = m.convertInto(samples, v, func(samples []float32, data []byte) {
		for i := range samples {
			grey, spread := model(m, of(v.value(data, 3*i)), of(v.value(data, 3*i+1)), of(v.value(data, 3*i+2)))
			if spread > allowed {
				coloured.Store(true)
				return
			}
			samples[i] = float32(grey)
		}
	})
	return !coloured.Load(), err
}

func rgb(_ *Image, r, g, b int) (grey int, spread float64) {
	// PS3.3 C.7.6.3.1.2: luminance; exact if all three are equal.
	return (299*r + 587*g + 114*b + 500) / 1000, float64(max(r, g, b) - min(r, g, b))
}

// ybr is YBR_FULL (PS3.3 C.7.6.3.1.2), whose chrominance is zero at half scale.
func ybr(m *Image, y, cb, cr int) (grey int, spread float64) {
	middle := 1 << (m.in.stored - 1)
	b, r := float64(cb-middle), float64(cr-middle)
	red, green, blue := 1.402*r, -0.344136*b-0.714136*r, 1.772*b
	return y, math.Round(max(red, green, blue) - min(red, green, blue))
}
