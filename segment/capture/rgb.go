package capture

import (
	"image"
	"image/color"
)

// RGB is a colour picture as a Secondary Capture stores it (PS3.5 8.2, Planar
// Configuration 0): three bytes for each pixel, row by row.
type RGB struct {
	Pix           []uint8
	width, height int
}

func newRGB(width, height int) *RGB {
	return &RGB{make([]uint8, 3*width*height), width, height}
}

// Bounds has its origin at 0, 0.
func (p *RGB) Bounds() image.Rectangle { return image.Rect(0, 0, p.width, p.height) }

// ColorModel is RGBA without transparency.
func (p *RGB) ColorModel() color.Model { return color.RGBAModel }

// At is the colour of a pixel; outside the picture it is black.
func (p *RGB) At(x, y int) color.Color { return p.RGBAAt(x, y) }

// RGBAAt is [RGB.At] without an interface.
func (p *RGB) RGBAAt(x, y int) color.RGBA {
	if !image.Pt(x, y).In(p.Bounds()) {
		return color.RGBA{A: 255}
	}
	v := p.Pix[3*(y*p.width+x):]
	return color.RGBA{v[0], v[1], v[2], 255}
}

// Set changes a pixel; outside the picture it does nothing.
func (p *RGB) Set(x, y int, c color.Color) {
	if image.Pt(x, y).In(p.Bounds()) {
		r, g, b, _ := c.RGBA()
		v := p.Pix[3*(y*p.width+x):]
		v[0], v[1], v[2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
	}
}
