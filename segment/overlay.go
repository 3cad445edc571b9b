package segment

import (
	"image"
	"image/color"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
)

const overlaySide = 1200

// The colours of Okabe and Ito, which colour-blind readers can distinguish.
var (
	openColour   = color.RGBA{86, 180, 233, 255}
	softColour   = color.RGBA{230, 159, 0, 255}
	boneColour   = color.RGBA{0, 158, 115, 255}
	strictColour = color.RGBA{204, 121, 167, 255}
)

// Overlay shows img in grey (open beam bright), its regions in translucent colours and an
// outline around high-precision soft tissue, at most 1200 pixels a side; pixels outside the
// exposed field are darkened. img and res must belong together.
func Overlay(img *decode.Image, res *Result) image.Image {
	_, regions := Pictures(img, res, overlaySide)
	return regions
}

// Pictures are img in grey, and as Overlay shows it, at most side pixels a side.
func Pictures(img *decode.Image, res *Result, side int) (grey, regions image.Image) {
	pix := Shown(img, res)
	f := float64(side) / float64(max(img.Rows, img.Columns, side))
	g := picture.Geometry{Rows: img.Rows, Columns: img.Columns}
	g.Height, g.Width = max(1, int(float64(img.Rows)*f)), max(1, int(float64(img.Columns)*f))
	q := raster.Quantiles(pix, picture.ClipLow, picture.ClipHigh)
	small := g.Down(pix, q[0], q[1])
	scale := 255 / max(q[1]-q[0], 1e-6)
	plain, coloured := image.NewGray(image.Rect(0, 0, g.Width, g.Height)), image.NewRGBA(image.Rect(0, 0, g.Width, g.Height))
	raster.Parallel(g.Height, func(y int) {
		for x := range g.Width {
			i := y*img.Rows/g.Height*img.Columns + x*img.Columns/g.Width
			v := min(max((small[y*g.Width+x]-q[0])*scale, 0), 255)
			plain.SetGray(x, y, color.Gray{uint8(v)})
			coloured.SetRGBA(x, y, res.colour(i, v, max(1, img.Columns/g.Width)))
		}
	})
	return plain, coloured
}

// Shown is img with the open beam bright, with the polarity that res used, and padding as dark
// or as bright as the rest. img and res must belong together.
func Shown(img *decode.Image, res *Result) []float32 {
	pix := slices.Clone(img.Samples)
	pad := padding.Find(img)
	pad.Hide(pix)
	_, _ = polarity.Canonical(img, pix) // cannot fail, because there is a result
	if res.Polarity.Undecided && res.Polarity.Inverted {
		polarity.Turn(pix, 0)
	}
	pad.Fill(pix)
	return pix
}

// colour sets pixel i to grey v or the colour of its region; an outline is step pixels wide.
func (res *Result) colour(i int, v float32, step int) color.RGBA {
	m := res.Masks
	switch {
	case !res.Field[i]:
		return color.RGBA{uint8(v / 3), uint8(v / 3), uint8(v / 3), 255}
	case m.HighPrecisionSoft[i] && res.outline(i, step):
		return strictColour
	case m.Open[i]:
		return blend(openColour, v)
	case m.Soft[i]:
		return blend(softColour, v)
	case m.Bone[i]:
		return blend(boneColour, v)
	}
	return color.RGBA{uint8(v), uint8(v), uint8(v), 255}
}

func blend(c color.RGBA, v float32) color.RGBA {
	const share = 0.35
	mix := func(a uint8) uint8 { return uint8(share*float32(a) + (1-share)*v) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}

// outline reports whether i lies at the border of high-precision soft tissue.
func (res *Result) outline(i, step int) bool {
	m := res.Masks.HighPrecisionSoft
	for _, k := range []int{i - step, i + step, i - step*res.Columns, i + step*res.Columns} {
		if k >= 0 && k < len(m) && !m[k] {
			return true
		}
	}
	return false
}
