package evaluate

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"image/png"

	"dicomnode/trainer/dataset"
)

// classColours are those of the paper's figure 3: open beam purple, soft tissue
// green, bone yellow. They differ in lightness too.
var classColours = color.Palette{
	dataset.OpenBeam:   color.NRGBA{0x44, 0x01, 0x54, 0xff},
	dataset.SoftTissue: color.NRGBA{0x21, 0x91, 0x8c, 0xff},
	dataset.Bone:       color.NRGBA{0xfd, 0xe7, 0x25, 0xff},
	color.NRGBA{0x8a, 0x8a, 0x8a, 0xff},
	color.NRGBA{0xa6, 0xa6, 0xa6, 0xff},
}

// classPicture is classes in colour; what is not scored is hatched.
func (c Case) classPicture(class []uint8) (template.URL, error) {
	m := image.NewPaletted(image.Rect(0, 0, c.Width, c.Height), classColours)
	for i, v := range class {
		if v == dataset.Ignore {
			v = dataset.Classes
			if (i%c.Width+i/c.Width)%8 < 2 {
				v++
			}
		}
		m.Pix[i] = v
	}
	return dataURI(m)
}

// greyPicture is the radiograph.
func (c Case) greyPicture() (template.URL, error) {
	return dataURI(&image.Gray{Pix: c.Grey, Stride: c.Width, Rect: image.Rect(0, 0, c.Width, c.Height)})
}

// errorPalette is 128 greys, then the same in red.
var errorPalette = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range 128 {
		v := uint8(2 * i)
		p[i] = color.NRGBA{v, v, v, 0xff}
		p[i+128] = color.NRGBA{0xb0 + v/4, v / 3, v / 4, 0xff}
	}
	return p
}()

// errorPicture is the radiograph with wrongly classified pixels in red.
func (c Case) errorPicture() (template.URL, error) {
	m := image.NewPaletted(image.Rect(0, 0, c.Width, c.Height), errorPalette)
	for i, v := range c.Grey {
		m.Pix[i] = v / 2
		if c.Label[i] != dataset.Ignore && c.Label[i] != c.Prediction[i] {
			m.Pix[i] += 128
		}
	}
	return dataURI(m)
}

func dataURI(m image.Image) (template.URL, error) {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, m); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil // our own bytes
}
