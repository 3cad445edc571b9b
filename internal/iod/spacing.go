package iod

import (
	"math"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// Spacing is the distance between pixel centres of a projection image, in mm,
// and what it is a distance of (PS3.3 10.7.1).
type Spacing struct {
	Row, Column float64 // between rows (vertical), between columns (horizontal)
	Basis       SpacingBasis
}

// SpacingBasis says in which plane a spacing holds.
type SpacingBasis string

// The bases, best first.
const (
	Calibrated         SpacingBasis = "calibrated"          // in the patient (PS3.3 10.7.1.1)
	DetectorPlane      SpacingBasis = "detector plane"      // magnified
	UnknownCalibration SpacingBasis = "unknown calibration" // Pixel Spacing alone
	Film               SpacingBasis = "film"                // scanned film
)

// PixelSpacing finds the spacing of a projection image: Pixel Spacing
// (0028,0030), else Imager Pixel Spacing (0018,1164), else Nominal Scanned Pixel
// Spacing (0018,2010). It reports false when none has two positive numbers.
func PixelSpacing(s Source) (Spacing, bool) {
	pixel, hasPixel := spacingOf(s, tag.PixelSpacing)
	imager, hasImager := spacingOf(s, tag.ImagerPixelSpacing)
	scanned, hasScanned := spacingOf(s, tag.NominalScannedPixelSpacing)
	switch {
	case hasPixel && calibrated(s, pixel, imager, hasImager, scanned, hasScanned):
		return Spacing{pixel[0], pixel[1], Calibrated}, true
	case hasImager:
		return Spacing{imager[0], imager[1], DetectorPlane}, true
	case hasPixel && !hasScanned:
		return Spacing{pixel[0], pixel[1], UnknownCalibration}, true
	case hasScanned:
		return Spacing{scanned[0], scanned[1], Film}, true
	}
	return Spacing{}, false
}

// calibrated: the image says so, or Pixel Spacing differs from the spacing of
// the detector or the scanner.
func calibrated(s Source, pixel, imager [2]float64, hasImager bool, scanned [2]float64, hasScanned bool) bool {
	switch strings.ToUpper(s.String(tag.PixelSpacingCalibrationType)) {
	case "GEOMETRY", "FIDUCIAL":
		return true
	}
	return hasImager && pixel != imager || !hasImager && hasScanned && pixel != scanned
}

// PixelAspectRatio is the height of a pixel and its width, as Pixel Aspect Ratio
// (0028,0034) gives them (PS3.3 C.7.6.3.1.7). It reports false when there are not
// two positive numbers.
func PixelAspectRatio(s Source) (ratio [2]int, ok bool) {
	text := s.Strings(tag.PixelAspectRatio)
	if len(text) != 2 {
		return ratio, false
	}
	for i := range ratio {
		n, err := strconv.ParseInt(strings.TrimSpace(text[i]), 10, 32)
		if err != nil || n < 1 {
			return [2]int{}, false
		}
		ratio[i] = int(n)
	}
	return ratio, true
}

// PixelAspectRatio sets Pixel Aspect Ratio (0028,0034) of an object with the pixels
// of s and no spacing, unless they are square (Type 1C, PS3.3 C.7.6.3). Of a spacing
// it is rounded to thousandths of the width.
func (d *DataSet) PixelAspectRatio(s Source) {
	ratio, known := PixelAspectRatio(s)
	if spacing, hasSpacing := PixelSpacing(s); hasSpacing {
		ratio[0], ratio[1] = thousandths(spacing.Row/spacing.Column), 1000
		known = ratio[0] > 0
	}
	if known && ratio[0] != ratio[1] {
		d.Ints(tag.PixelAspectRatio, ratio[:]...)
	}
}

// thousandths is 0 for what is no ratio of a pixel.
func thousandths(v float64) int {
	if v > 1000 {
		return 0
	}
	return int(math.Round(1000 * v))
}

func spacingOf(s Source, t tag.Tag) (v [2]float64, ok bool) {
	text := s.Strings(t)
	if len(text) != 2 {
		return v, false
	}
	for i := range v {
		f, err := strconv.ParseFloat(strings.TrimSpace(text[i]), 64)
		if err != nil || !(f > 0) || math.IsInf(f, 0) {
			return v, false
		}
		v[i] = f
	}
	return v, true
}
