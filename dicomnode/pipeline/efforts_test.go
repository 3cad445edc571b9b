package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/scales"
)

// timed is a session that counts how long it is asked, and how often.
type timed struct {
	*onDemand
	took  atomic.Int64 // nanoseconds
	times atomic.Int64
}

func (t *timed) count(begun time.Time) {
	t.took.Add(int64(time.Since(begun)))
	t.times.Add(1)
}

func (t *timed) Predict(ctx context.Context, x []float32) ([]float32, error) {
	defer t.count(time.Now())
	return t.onDemand.Predict(ctx, x)
}

func (t *timed) Pass(ctx context.Context, x []float32) ([]float32, error) {
	defer t.count(time.Now())
	return t.onDemand.Pass(ctx, x)
}

func (t *timed) Passes(ctx context.Context, xs [][]float32) ([][]float32, error) {
	defer func(begun time.Time) {
		t.count(begun)
		t.times.Add(int64(len(xs)) - 1)
	}(time.Now())
	return t.onDemand.Passes(ctx, xs)
}

// BenchmarkEfforts segments a picture of 2048×2048 pixels with each effort in turns. Beside
// the milliseconds of an image it reports how many passes of the two networks are in it, and
// what is neither, by the passes of effort fast.
func BenchmarkEfforts(b *testing.B) {
	const rows, cols = 2048, 2048
	pix := make([]float32, rows*cols)
	for i := range pix {
		x, y := i%cols, i/cols
		pix[i] = 3000 + float32((i*7919)%60)
		if x > 500 && x < 1500 {
			pix[i] = 1800 - 800*float32(max(0, 200-max(x-1000, 1000-x)))/200 + float32((x*y)%90)
		}
	}
	c := configs.Default()
	c.Node.DataDir, c.Model.Bundle = b.TempDir(), Embedded
	p, closeModels, err := Open(c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := closeModels(); err != nil {
			b.Error(err)
		}
	}()
	regions, okRegions := p.Predictor.(*onDemand)
	field, okField := p.Field.(*onDemand)
	if !okRegions || !okField {
		b.Fatal(errors.New("the models cannot be timed"))
	}
	asked := [2]*timed{{onDemand: regions}, {onDemand: field}}
	p.Predictor, p.Field = asked[0], asked[1]
	efforts := []scales.Effort{scales.Fast, scales.Normal, scales.Best}
	var all, inside, times [3]float64
	for b.Loop() {
		for i, effort := range efforts {
			took, inference, passes, err := segmentOnce(b.Context(), p, effort, asked, decode.FromPicture(pix, rows, cols, false))
			if err != nil {
				b.Fatal(err)
			}
			all[i], inside[i], times[i] = all[i]+took, inside[i]+inference, times[i]+passes
		}
	}
	for i, effort := range efforts {
		b.ReportMetric(all[i]/float64(b.N), string(effort)+"-ms")
		b.ReportMetric(times[i]/float64(b.N), string(effort)+"-passes")
		b.ReportMetric((all[i]-inside[i])/inside[0], string(effort)+"-rest/fast-passes")
	}
}

// segmentOnce is how many milliseconds an image and the passes in it took.
func segmentOnce(ctx context.Context, p *segment.Pipeline, effort scales.Effort, asked [2]*timed, img *decode.Image) (took, inference, passes float64, err error) {
	p.Config.Effort = effort
	before := asked[0].took.Load() + asked[1].took.Load()
	beforeTimes := asked[0].times.Load() + asked[1].times.Load()
	begun := time.Now()
	_, err = p.Run(ctx, img)
	took = time.Since(begun).Seconds() * 1000
	inference = float64(asked[0].took.Load()+asked[1].took.Load()-before) / 1e6
	return took, inference, float64(asked[0].times.Load() + asked[1].times.Load() - beforeTimes), err
}
