package offline

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"time"

	"dicomnode/internal/durable"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
)

// PolarityAuto determines the polarity of a picture by the network.
const PolarityAuto = "auto"

// Polarities are the values of Options.Polarity.
var Polarities = []string{PolarityAuto, dataset.AirDark, dataset.AirBright}

// picture segments a PNG, TIFF or JPEG picture into base.labels.png and base.overlay.png.
func (s *Segmenter) picture(ctx context.Context, path, base string) (Report, error) {
	begun := time.Now()
	img, res, err := runPicture(ctx, s.pipeline, path, s.options.Polarity)
	if err != nil {
		return Report{File: path}, err
	}
	r := newReport(path, res)
	r.Dark, r.Polarity = "", dataset.AirBright
	if res.Polarity.Inverted {
		r.Polarity = dataset.AirDark
	}
	r.Labels = base + ".labels.png"
	if err := durable.Replace(r.Labels, 0o644, func(w io.Writer) error { return png.Encode(w, labelPicture(res)) }); err != nil {
		return r, err
	}
	r.Milliseconds = float64(time.Since(begun).Microseconds()) / 1000
	err = s.show(&r, base+".overlay.png", img, res)
	return r, err
}

// runPicture runs the pipeline on a picture with that polarity, or with both, and returns the
// result with the higher confidence.
func runPicture(ctx context.Context, p *segment.Pipeline, path, polarity string) (img *decode.Image, res *segment.Result, err error) {
	pix, rows, cols, err := readPicture(path)
	if err != nil {
		return nil, nil, err
	}
	for _, way := range Polarities[1:] {
		if polarity != PolarityAuto && polarity != way {
			continue
		}
		m := decode.FromPicture(pix, rows, cols, way == dataset.AirDark)
		r, err := p.Run(ctx, m)
		if err != nil {
			return nil, nil, err
		}
		if res == nil || confidence(r) > confidence(res) {
			img, res = m, r
		}
	}
	return img, res, nil
}

func readPicture(path string) (pix []float32, rows, cols int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, 0, err
	}
	defer file.Close()
	img, err := dataset.DecodeShown(file)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("decode picture: %w", err)
	}
	size := img.Bounds().Size()
	return dataset.Greys(img), size.Y, size.X, nil
}

// confidence is the mean over the classes of the probability where each was found, 0 for a
// class that was not found: a result with a single class is not reliable. It chooses the right
// polarity for all 16 radiographs of the labelled set and for 140 of 144 simulated ones.
func confidence(r *segment.Result) float64 {
	return (r.Open.MeanProbability + r.Soft.MeanProbability + r.Bone.MeanProbability) / picture.Classes
}

// labelPicture is the label image of res, as in a data set.
func labelPicture(res *segment.Result) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, res.Columns, res.Rows))
	for i := range out.Pix {
		v := picture.Ignore
		switch m := res.Masks; {
		case m.Open[i]:
			v = picture.OpenBeam
		case m.Soft[i]:
			v = picture.SoftTissue
		case m.Bone[i]:
			v = picture.Bone
		}
		out.Pix[i] = uint8(v)
	}
	return out
}
