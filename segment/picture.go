package segment

import (
	"fmt"
	"slices"
)

// Picture returns img as [Pipeline.Run] takes it before it is made small: dark
// corrected, the open beam bright, the logarithm of a raw linear signal; Rows×Columns
// row by row in arbitrary units. It needs no Predictor. img is not changed.
func (p *Pipeline) Picture(img *Image) ([]float32, DarkRecord, PolarityRecord, error) {
	if img.Rows < 1 || img.Columns < 1 || len(img.Samples) != img.Rows*img.Columns {
		return nil, DarkRecord{}, PolarityRecord{}, fmt.Errorf("make picture: %w: %d samples for %d×%d pixels", ErrMalformed, len(img.Samples), img.Rows, img.Columns)
	}
	pix := slices.Clone(img.Samples)
	dark := correct(img, pix, p.Calibration)
	return pix, dark, img.canonical(pix), nil
}
