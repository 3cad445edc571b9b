package compare

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"dicomnode/trainer/dataset"
)

// MaxSheet is the greatest number of images on a contact sheet.
const MaxSheet = 60

const (
	tile    = Side + 4 // with the gap to the next
	caption = 16       // of text above a tile
	letters = (Side - 4) / 7
)

// colours are those of the classes, as in the paper's figures: open beam purple,
// soft tissue green, bone yellow.
var colours = [dataset.Classes]color.RGBA{{68, 1, 84, 255}, {33, 145, 140, 255}, {253, 231, 37, 255}}

// unscored is the colour of what has no label.
var unscored = color.RGBA{96, 96, 96, 255}

// Sheet draws Pictures as a contact sheet, one row per image: the picture, its
// label, and what each entry made of it under its accuracy. Where the label is
// dataset.Ignore, entries are dimmed.
func (r *Report) Sheet() image.Image {
	columns := 2 + len(r.Rows)
	img := image.NewRGBA(image.Rect(0, 0, columns*tile, len(r.Pictures)*(tile+caption)))
	draw.Draw(img, img.Bounds(), image.Black, image.Point{}, draw.Src)
	for i, p := range r.Pictures {
		top := i * (tile + caption)
		write(img, 0, top, p.Sample.Item.ID)
		paint(img, 0, top, func(k int) color.RGBA { v := uint8(p.Sample.X[k] >> 8); return color.RGBA{v, v, v, 255} })
		write(img, 1, top, "label")
		paint(img, 1, top, func(k int) color.RGBA { return colourOf(p.Sample.Label[k]) })
		for e, row := range r.Rows {
			write(img, 2+e, top, fmt.Sprintf("%.3f %s", row.PerImage[i].Accuracy, row.Name))
			paint(img, 2+e, top, func(k int) color.RGBA { return shaded(p.Classes[e][k], p.Sample.Label[k]) })
		}
	}
	return img
}

func colourOf(class uint8) color.RGBA {
	if class < dataset.Classes {
		return colours[class]
	}
	return unscored
}

func shaded(class, label uint8) color.RGBA {
	c := colourOf(class)
	if label == dataset.Ignore {
		return color.RGBA{c.R/3 + 32, c.G/3 + 32, c.B/3 + 32, 255}
	}
	return c
}

// paint fills a tile pixel by pixel.
func paint(img *image.RGBA, column, top int, at func(k int) color.RGBA) {
	for k := range Side * Side {
		img.SetRGBA(column*tile+k%Side, top+caption+k/Side, at(k))
	}
}

// write puts a caption above a tile, cut to its width.
func write(img *image.RGBA, column, top int, s string) {
	if r := []rune(s); len(r) > letters {
		s = string(r[:letters])
	}
	d := font.Drawer{Dst: img, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(column*tile+2, top+caption-4)}
	d.DrawString(s)
}
