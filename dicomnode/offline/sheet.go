package offline

import (
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"path/filepath"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"dicomnode/internal/durable"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

const (
	sheetTile    = 280 // pixels of an image's longer side
	sheetCaption = 16  // pixels of text above it
	sheetGap     = 4
	// MaxSheet is the greatest number of images on a contact sheet.
	MaxSheet = 60
)

// sheet is a contact sheet: each image in grey, bone dark, and beside it with its regions.
type sheet struct{ rows []sheetRow }

type sheetRow struct {
	caption       string
	grey, regions image.Image
}

// add puts an image on the sheet while there is room.
func (s *sheet) add(path string, img *decode.Image, res *segment.Result) {
	if len(s.rows) == MaxSheet {
		return
	}
	grey, regions := segment.Pictures(img, res, sheetTile)
	caption := fmt.Sprintf("%s, quality %.2f, %s", filepath.Base(path), res.Quality.Figure, res.Effort)
	s.rows = append(s.rows, sheetRow{caption, grey, regions})
}

// draw is the sheet as a picture.
func (s *sheet) draw() image.Image {
	height := 0
	for _, r := range s.rows {
		height += sheetCaption + r.grey.Bounds().Dy() + sheetGap
	}
	img := image.NewRGBA(image.Rect(0, 0, 2*sheetTile+sheetGap, height))
	draw.Draw(img, img.Bounds(), image.Black, image.Point{}, draw.Src)
	top := 0
	for _, r := range s.rows {
		text := font.Drawer{Dst: img, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(2, top+sheetCaption-4)}
		text.DrawString(r.caption)
		top += sheetCaption
		for k, p := range []image.Image{r.grey, r.regions} {
			at := image.Pt(k*(sheetTile+sheetGap), top)
			draw.Draw(img, p.Bounds().Add(at), p, image.Point{}, draw.Src)
		}
		top += r.grey.Bounds().Dy() + sheetGap
	}
	return img
}

// WriteSheet writes the contact sheet of what was segmented as PNG, where one is wanted.
func (s *Segmenter) WriteSheet() error {
	if s.options.Sheet == "" || len(s.sheet.rows) == 0 {
		return nil
	}
	return durable.Replace(s.options.Sheet, 0o644, func(w io.Writer) error { return png.Encode(w, s.sheet.draw()) })
}
