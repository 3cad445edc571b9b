package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/durable"
	"dicomnode/internal/iod"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/view"
)

// dicomFolder is the folder of the DICOM files in a data set.
const dicomFolder = "dicom"

func (o Options) presentationPath(i int) string {
	return filepath.Join(o.Out, dicomFolder, o.id(i)+".dcm")
}

// writePresentation writes sample i as Digital X-Ray Image – For Presentation, with the pixels
// of its PNG file.
func (o Options) writePresentation(i int, v view.View, s *radiograph.Sheet, m image.Image) error {
	x, stored := o.shown(i, s, m)
	d := x.attributes()
	d.Strings(tag.ImageComments, "simulated radiograph, processed")
	d.Strings(tag.DerivationDescription, "simulated processing")
	describe(d, v, s.Placed)
	// PS3.3 C.11.2.1.2.1: this window displays the full range of stored values.
	d.Decimals(tag.WindowCenter, math.Ldexp(1, x.bits-1))
	d.Decimals(tag.WindowWidth, math.Ldexp(1, x.bits))
	// C.8.11.4: the whole picture, in millimetres at the plane of Imager Pixel Spacing.
	d.Strings(tag.FieldOfViewShape, "RECTANGLE")
	d.Ints(tag.FieldOfViewDimensions, max(int(math.Round(x.spacing*float64(x.rows))), 1), max(int(math.Round(x.spacing*float64(x.columns))), 1))
	return durable.Whole(o.presentationPath(i), 0o644, func(w io.Writer) error {
		return x.write(w, d, len(stored), func(w io.Writer) error {
			_, err := w.Write(stored)
			return err
		})
	})
}

// shown returns the attributes and the pixels of sample i, as stored in little endian.
func (o Options) shown(i int, s *radiograph.Sheet, m image.Image) (dxObject, []byte) {
	v, size := i/samplesPerView, m.Bounds().Size()
	x := dxObject{
		class: forPresentation, intent: "FOR PRESENTATION", kind: "DERIVED",
		study: iod.UID("simulated study", o.Anatomy.subject(o.Seed, v).Identity(), fmt.Sprint(o.Seed, v, o.Size)),
		seed:  o.Seed, view: v, number: i%samplesPerView + 1, detector: "SIM1",
		rows: size.Y, columns: size.X, spacing: math.Round(1e4*s.Placed.Mm) / 1e4,
		photometric: "MONOCHROME1", relationship: "LOG", sign: 1,
	}
	if o.polarity(i) == dataset.AirDark { // inverted: low values for many X-rays, displayed as MONOCHROME2
		x.photometric, x.sign = "MONOCHROME2", -1
	}
	if s.LinearTone {
		x.relationship = "LIN"
	}
	stored := storedValues(m)
	x.bits = 8 * len(stored) / (size.X * size.Y)
	h := sha256.Sum256(stored)
	x.uid = iod.UID("simulated picture", x.study, strconv.Itoa(x.number), hex.EncodeToString(h[:]))
	return x, stored
}

// storedValues returns one byte per pixel, or two in little endian.
func storedValues(m image.Image) []byte {
	switch m := m.(type) {
	case *image.Gray:
		return m.Pix
	case *image.Gray16:
		out := make([]byte, len(m.Pix))
		for i := 0; i < len(out); i += 2 {
			out[i], out[i+1] = m.Pix[i+1], m.Pix[i]
		}
		return out
	}
	return nil
}
