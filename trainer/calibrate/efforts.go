package calibrate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Efforts learns how sure the answers of each effort are and should be, at the network's
// pixels and at the images' own, refined by guided (refine is its name for the card), on the
// items of folders that data chooses. Classes hardly change: only the temperature is fitted,
// so that the likeliest class stays the likeliest.
func Efforts(ctx context.Context, folders []string, data evaluate.Options, p segment.Predictor, efforts []scales.Effort, guided *picture.GuidedFilter, refine string) ([]model.EffortCalibration, error) {
	l := learning{efforts: efforts, guided: guided, pictures: map[key][]Picture{}}
	for _, folder := range folders {
		f, err := dataset.Open(folder)
		if err != nil {
			return nil, err
		}
		err = eachItem(ctx, f, data, func(it dataset.Item, full *dataset.Picture) error { return l.add(ctx, it, full, p) })
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("calibrate on %s: %w", folder, err)
		}
	}
	var out []model.EffortCalibration
	for _, effort := range efforts {
		for _, at := range model.Places() {
			c := model.EffortCalibration{Effort: string(effort), At: at, Shift: make([]float64, dataset.Classes)}
			if effort == scales.Whole {
				c.Effort = ""
			}
			if at == model.AtNative {
				c.Refine = refine
			}
			var err error
			if c.Scale, err = temperature(l.pictures[key{effort, at}]); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// key is an effort and one of model.Places.
type key struct {
	effort scales.Effort
	at     string
}

type learning struct {
	efforts  []scales.Effort
	guided   *picture.GuidedFilter
	pictures map[key][]Picture
}

// add predicts one image with every effort, each picture once.
func (l *learning) add(ctx context.Context, it dataset.Item, full *dataset.Picture, p segment.Predictor) error {
	network := &remembering{Network: p, known: map[[sha256.Size]byte][]float32{}}
	label := dataset.NewSample(it, full).Label
	for _, effort := range l.efforts {
		a, err := effort.Predict(ctx, network, scales.Picture{Pix: full.Pix, Rows: full.Rows, Columns: full.Cols})
		if err != nil {
			return err
		}
		small := key{effort, model.AtNetwork}
		l.pictures[small] = append(l.pictures[small], thinned(pictureOf(&dataset.Sample{Item: it, Label: label}, a.Answer())))
		own := key{effort, model.AtNative}
		up := segment.Config{Guided: l.guided}.Probabilities(a.Map, full.Pix, nil)
		l.pictures[own] = append(l.pictures[own], sampled(it, full, up))
	}
	return nil
}

// maxPixels is the greatest number of pixels used of an image, evenly spaced: neighbouring
// pixels are alike, and large images should not weigh more than small ones. It limits the
// memory for 200 images, three efforts and both resolutions to 130 MB.
const maxPixels = 8192

// stride is the step between the pixels used: a prime, so that every column is used.
func stride(n int) int {
	step := (n + maxPixels - 1) / maxPixels
	for ; step > 1 && !prime(step); step++ {
	}
	return max(step, 1)
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

// thinned is p with at most maxPixels of its pixels.
func thinned(p Picture) Picture {
	step := stride(len(p.truth))
	out := Picture{ID: p.ID, BodyPart: p.BodyPart}
	for i := 0; i < len(p.truth); i += step {
		out.truth, out.logits = append(out.truth, p.truth[i]), append(out.logits, p.logits[i])
	}
	return out
}

// sampled holds a sample of an image's pixels.
func sampled(it dataset.Item, full *dataset.Picture, up *picture.Upsampler) Picture {
	out, row, every := Picture{ID: it.ID, BodyPart: it.BodyPart}, picture.NewRow(full.Cols), stride(full.Rows*full.Cols)
	for y := range full.Rows {
		up.Row(y, row)
		for x := (every - y*full.Cols%every) % every; x < full.Cols; x += every {
			truth := full.Label[y*full.Cols+x]
			if truth >= dataset.Classes {
				continue
			}
			var logits [dataset.Classes]float32
			for k := range logits {
				logits[k] = picture.Logarithm(row[k][x])
			}
			out.truth, out.logits = append(out.truth, truth), append(out.logits, logits)
		}
	}
	return out
}

// temperature is the scale with the highest likelihood of the labels; the other unknowns are 0.
// The loss is convex in it.
func temperature(pictures []Picture) (float64, error) {
	pixels := 0
	for _, p := range pictures {
		pixels += len(p.truth)
	}
	if pixels == 0 {
		return 0, ErrEmpty
	}
	scale := 1.0
	for range iterations {
		l := lossAt(unknowns{scale}, pictures, pixels)
		step := l.gradient[0] / l.hessian[0][0]
		step = min(max(step, -scale), scale/2)
		scale -= step
		if math.Abs(step) < converged {
			break
		}
	}
	if !(scale > 0.01) {
		return 0, ErrContradiction
	}
	return scale, nil
}

// remembering predicts each picture once.
type remembering struct {
	scales.Network
	known map[[sha256.Size]byte][]float32
}

// Pass implements scales.Passer.
func (r *remembering) Pass(ctx context.Context, x []float32) ([]float32, error) {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, x); err != nil {
		return nil, err
	}
	id := [sha256.Size]byte(h.Sum(nil))
	if p, ok := r.known[id]; ok {
		return append([]float32(nil), p...), nil
	}
	ask := r.Predict
	if p, ok := r.Network.(scales.Passer); ok {
		ask = p.Pass
	}
	p, err := ask(ctx, x)
	if err != nil {
		return nil, err
	}
	r.known[id] = append([]float32(nil), p...)
	return p, nil
}

// WithEfforts is the bundle with the calibration of each effort in its card, from images whose
// listing has that digest. Thresholds, which are invalid for the new probabilities, are
// removed. version is the card's unless empty; library is as in model.Export.
func WithEfforts(b *model.Bundle, list []model.EffortCalibration, images int, digest, version, library string) (*model.Bundle, error) {
	w, err := b.Weights()
	if err != nil {
		return nil, err
	}
	card := b.Card
	c := model.Calibration{Digest: digest, Images: images, Scale: 1, Shift: make([]float64, dataset.Classes)}
	if card.Calibration != nil {
		c = *card.Calibration
	}
	c.Efforts = list
	card.Calibration, card.SoftTissue = &c, model.Thresholds{}
	if version != "" {
		card.Version = version
	}
	return model.Export(w, card, library)
}
