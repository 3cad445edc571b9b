package segment

import (
	"fmt"
	"slices"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
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

// FromPicture makes an image of a picture that says nothing of itself, for [Pipeline.Run]:
// pix holds rows×cols values row by row in arbitrary units, with the open beam dark, as
// radiographs are displayed (bones white), or bright. It has no source for a segmentation object.
func FromPicture(pix []float32, rows, cols int, airDark bool) *Image {
	photometric := "MONOCHROME1"
	if airDark {
		photometric = "MONOCHROME2"
	}
	e, err := dicom.NewElement(tag.PhotometricInterpretation, []string{photometric})
	if err != nil {
		panic(err) // a constant of the right type
	}
	return &Image{
		Dataset: dicom.Dataset{Elements: []*dicom.Element{e}},
		Rows:    rows, Columns: cols, SamplesPerPixel: 1, Frames: 1, Samples: pix,
	}
}
