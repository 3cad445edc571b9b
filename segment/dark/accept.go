package dark

import (
	"errors"
	"fmt"
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/polarity"
)

// ErrRefused means that a frame is not accepted as a dark frame; the detector's calibration
// does not change. It wraps decode.ErrUnsupported, because a retry is useless.
var ErrRefused = fmt.Errorf("%w: not taken as a dark frame", decode.ErrUnsupported)

// AgreeingFrames is how many dark frames must agree before they are used.
const AgreeingFrames = 3

// Limits of a dark frame, as shares of the full scale of stored values. A detector's offset is
// low and uniform: in simulated frames the median is 0.004 and the spread 0.002. Even an
// underexposed radiograph has a spread of more than a tenth.
const (
	maxLevel  = 0.25 // of the median
	maxSpread = 0.03 // from the 1 to the 99 percentile
	maxDrift  = 0.01 // of the median of the difference from the earlier frames
	maxChange = 0.01 // of the spread of that difference
)

// exposures are attributes that are not 0 if the tube was on (PS3.3 C.8.7.8, C.8.7.2).
var exposures = []struct {
	tag  tag.Tag
	name string
}{
	{tag.Tag{Group: 0x0018, Element: 0x0060}, "KVP"},
	{tag.Tag{Group: 0x0018, Element: 0x1151}, "X-Ray Tube Current"},
	{tag.Tag{Group: 0x0018, Element: 0x1152}, "Exposure"},
	{tag.Tag{Group: 0x0018, Element: 0x1153}, "Exposure in µAs"},
	{tag.Tag{Group: 0x0018, Element: 0x8151}, "X-Ray Tube Current in µA"},
	{tag.Tag{Group: 0x0018, Element: 0x9330}, "X-Ray Tube Current in mA"},
	{tag.Tag{Group: 0x0018, Element: 0x9332}, "Exposure in mAs"},
}

// accept returns why m cannot be a dark frame, nil if it can.
func accept(m *decode.Image) error {
	for _, e := range exposures {
		if v := m.Number(e.tag, 0); v > 0 {
			return fmt.Errorf("%w: it was exposed: %s (%04X,%04X) is not 0", ErrRefused, e.name, e.tag.Group, e.tag.Element)
		}
	}
	if polarity.Of(m).Kind != polarity.Processing {
		return fmt.Errorf("%w: the image is not For Processing", ErrRefused)
	}
	full := float64(int(1) << m.BitsStored)
	q := raster.Quantiles(m.Samples, 0.01, 0.5, 0.99)
	level, spread := float64(q[1])/full, float64(q[2]-q[0])/full
	if math.Abs(level) > maxLevel || spread > maxSpread {
		return fmt.Errorf("%w: its values are those of an exposure: median %.2g and spread %.2g of the full scale, at most %.2g and %.2g",
			ErrRefused, level, spread, maxLevel, maxSpread)
	}
	return nil
}

// errDiffers is the error of a frame that differs from the earlier ones.
var errDiffers = errors.New("its level or pattern differs from the earlier frames")

// agrees compares a frame with the earlier frames, by the difference from their mean.
func (s *series) agrees(m *decode.Image) error {
	if s.N == 0 {
		return nil
	}
	full := float64(int(1) << m.BitsStored)
	difference := make([]float32, len(m.Samples))
	for i, v := range m.Samples {
		difference[i] = v - s.mean[i]
	}
	q := raster.Quantiles(difference, 0.01, 0.5, 0.99)
	drift, change := math.Abs(float64(q[1]))/full, float64(q[2]-q[0])/full
	if drift > maxDrift || change > maxChange {
		return fmt.Errorf("%w: median %.2g and spread %.2g of the full scale, at most %.2g and %.2g", errDiffers, drift, change, maxDrift, maxChange)
	}
	return nil
}

// takeDark adds a dark frame that agrees with the earlier ones. While there are too few, one
// that differs replaces them: it is not known which is wrong, and the next two decide.
func (a *accumulator) takeDark(m *decode.Image) (changed bool, err error) {
	differs := a.Dark.agrees(m)
	switch {
	case differs == nil:
		return a.take(false, m.Samples)
	case a.Dark.N >= AgreeingFrames:
		return false, fmt.Errorf("%w: %w; if the detector was replaced, drop its calibration first", ErrRefused, differs)
	}
	a.Dark, a.Seen = series{}, nil
	return a.take(false, m.Samples)
}
