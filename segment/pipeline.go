package segment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// defaultSoftTissueThreshold is that of Config.SoftTissueThreshold.
const defaultSoftTissueThreshold = 0.90

// DefaultMinimumIsland is the MinimumIsland of a Config that gives none.
const DefaultMinimumIsland = 0.0005

// Threshold is the probability high-precision soft tissue must reach in bodyPart.
func (c Config) Threshold(bodyPart string) float64 {
	if t, ok := c.SoftTissueThresholdByBodyPart[bodyPart]; ok {
		return t
	}
	if c.SoftTissueThreshold == 0 {
		return defaultSoftTissueThreshold
	}
	return c.SoftTissueThreshold
}

func (c Config) minimumIsland() float64 {
	if c.MinimumIsland == 0 {
		return DefaultMinimumIsland
	}
	return max(0, c.MinimumIsland)
}

// leastIsland is the area from which an island of an image of n pixels stays.
func (c Config) leastIsland(n int) int { return int(c.minimumIsland() * float64(n)) }

// Digest is the SHA-256, hexadecimal, of everything in c that can change a result;
// defaults count as their values.
func (c Config) Digest() string {
	c.SoftTissueThreshold = c.Threshold("\x00no body part")
	c.MinimumIsland = c.minimumIsland()
	if c.Guided != nil {
		c.Guided = new(c.Guided.complete())
	}
	if len(c.SoftTissueThresholdByBodyPart) == 0 {
		c.SoftTissueThresholdByBodyPart = nil
	}
	b, err := json.Marshal(c) // maps are marshalled in the order of their keys
	if err != nil {           // a threshold that is not a number; no bytes stand for it
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Run segments one image. img is not changed. An error of the Predictor is returned
// wrapped; one with its answer (size, not a number) is an error too, never a result.
func (p *Pipeline) Run(ctx context.Context, img *Image) (*Result, error) {
	if p.Predictor == nil {
		return nil, errors.New("segment image: no predictor")
	}
	if img.Rows < 1 || img.Columns < 1 || len(img.Samples) != img.Rows*img.Columns {
		return nil, fmt.Errorf("segment image: %w: %d samples for %d×%d pixels", ErrMalformed, len(img.Samples), img.Rows, img.Columns)
	}
	res := &Result{
		Rows: img.Rows, Columns: img.Columns, Frame: 1, Frames: img.Frames,
		BodyPart: img.BodyPart(), Model: p.Model, ConfigDigest: p.Config.Digest(),
	}
	res.SoftTissueThreshold = p.Config.Threshold(res.BodyPart)
	pix := slices.Clone(img.Samples)
	res.Dark = correct(img, pix, p.Calibration)
	res.Polarity = img.canonical(pix)
	x, geo := CanonicalPicture(pix, img.Rows, img.Columns)
	var err error
	if res.Field, res.FieldRecord, err = p.field(ctx, img, pix, x, geo); err != nil {
		return nil, err
	}
	answer, err := p.Predictor.Predict(ctx, x)
	if err != nil {
		return nil, fmt.Errorf("predict regions: %w", err)
	}
	if err := checkProbabilities(answer); err != nil {
		return nil, fmt.Errorf("predict regions: %w", err)
	}
	if p.Config.Guided != nil {
		res.Guided = new(p.Config.Guided.complete())
	}
	p.regions(res, p.Config.Probabilities(geo, answer, pix, res.Field))
	return res, ctx.Err()
}

// checkProbabilities refuses an answer that is no distribution over the classes.
func checkProbabilities(p []float32) error {
	if len(p) != Classes*Side*Side {
		return fmt.Errorf("have %d probabilities, want %d", len(p), Classes*Side*Side)
	}
	for i := range Side * Side {
		var sum float32
		for c := range Classes {
			v := p[c*Side*Side+i]
			if !(v >= -1e-3 && v <= 1+1e-3) {
				return fmt.Errorf("probability %v at input pixel %d", v, i)
			}
			sum += v
		}
		if sum < 0.98 || sum > 1.02 {
			return fmt.Errorf("probabilities at input pixel %d sum to %v", i, sum)
		}
	}
	return nil
}

// regions fills the masks and figures of res.
func (p *Pipeline) regions(res *Result, up *Upsampler) {
	label, probability := up.labels(res.Field)
	before := slices.Clone(label)
	res.Islands = removeIslands(label, res.Rows, res.Columns, p.Config.leastIsland(len(label)))
	up.reclassified(before, label, probability)
	n := len(label)
	res.Masks = Masks{make(Mask, n), make(Mask, n), make(Mask, n), make(Mask, n)}
	threshold := float32(res.SoftTissueThreshold)
	parallel(res.Rows, func(r int) {
		for i := r * res.Columns; i < (r+1)*res.Columns; i++ {
			switch Class(label[i]) {
			case OpenBeam:
				res.Masks.Open[i] = true
			case SoftTissue:
				res.Masks.Soft[i] = true
				res.Masks.HighPrecisionSoft[i] = probability[i] >= threshold
			case Bone:
				res.Masks.Bone[i] = true
			}
		}
	})
	field := res.Field.Count()
	for _, m := range []struct {
		mask Mask
		into *Statistics
	}{
		{res.Masks.Open, &res.Open}, {res.Masks.Soft, &res.Soft}, {res.Masks.Bone, &res.Bone},
		{res.Masks.HighPrecisionSoft, &res.HighPrecisionSoft},
	} {
		*m.into = statistics(m.mask, probability, field)
	}
}

// reclassified replaces the probability of pixels whose class changed by that of the
// class they have now.
func (u *Upsampler) reclassified(before, label []uint8, probability []float32) {
	parallel(u.g.Rows, func(r int) {
		var p [Classes][]float32
		for k := range u.g.Columns {
			i := r*u.g.Columns + k
			if label[i] == before[i] {
				continue
			}
			if p[0] == nil {
				p = newRow(u.g.Columns)
				u.Row(r, p)
			}
			probability[i] = p[label[i]][k]
		}
	})
}

func statistics(m Mask, probability []float32, field int) Statistics {
	var s Statistics
	var sum float64
	for i, v := range m {
		if v {
			s.Pixels++
			sum += float64(probability[i])
		}
	}
	if s.Pixels > 0 {
		s.MeanProbability = sum / float64(s.Pixels)
		s.Fraction = float64(s.Pixels) / float64(field)
	}
	return s
}
