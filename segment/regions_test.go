package segment_test

import (
	"math"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/threshold"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// The figures of a result are those of its masks and probabilities, also where small islands
// changed class.
func TestStatisticsAreThoseOfTheMasks(t *testing.T) {
	const rows, cols = 430, 389
	pix := make([]float32, rows*cols)
	for i := range pix {
		y, x := i/cols, i%cols
		pix[i] = float32(1000 * (0.5 + 0.5*math.Sin(float64(x)/40)))
		if (x/5+y/5)%17 == 0 {
			pix[i] = 1000 - pix[i]
		}
	}
	table, err := threshold.New(new(0.7), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := segment.Pipeline{Predictor: dicomtest.Greys{}, Config: segment.Config{SoftTissue: table, MinimumIsland: 0.01}}
	res, err := p.Run(t.Context(), decode.FromPicture(pix, rows, cols, false))
	if err != nil {
		t.Fatal(err)
	}
	if res.Islands == 0 {
		t.Fatal("no island was removed")
	}
	checkPartition(t, res)
	exposed := res.Field.Count()
	for class, m := range []struct {
		mask picture.Mask
		got  segment.Statistics
	}{{res.Masks.Open, res.Open}, {res.Masks.Soft, res.Soft}, {res.Masks.Bone, res.Bone}} {
		n, mean := meanIn(res, m.mask, class)
		if m.got.Pixels != n || math.Abs(m.got.MeanProbability-mean) > 1e-12 || m.got.Fraction != float64(n)/float64(exposed) {
			t.Errorf("class %d: %+v, want %d pixels of mean %v", class, m.got, n, mean)
		}
	}
	n, mean := meanIn(res, res.Masks.HighPrecisionSoft, picture.SoftTissue)
	if got := res.HighPrecisionSoft; n == 0 || got.Pixels != n || math.Abs(got.MeanProbability-mean) > 1e-12 {
		t.Errorf("high precision: %+v, want %d pixels of mean %v", got, n, mean)
	}
	row := picture.NewRow(cols)
	for r := range rows {
		res.Probabilities.Row(r, row)
		for k := range cols {
			i := r*cols + k
			if want := res.Masks.Soft[i] && row[picture.SoftTissue][k] >= 0.7; res.Masks.HighPrecisionSoft[i] != want {
				t.Fatalf("pixel %d: of high precision %v at %v", i, res.Masks.HighPrecisionSoft[i], row[picture.SoftTissue][k])
			}
		}
	}
}

// meanIn is the number of pixels of a mask and the mean probability of a class in it.
func meanIn(res *segment.Result, m picture.Mask, class int) (n int, mean float64) {
	row, sum := picture.NewRow(res.Columns), 0.
	for r := range res.Rows {
		line := m[r*res.Columns:][:res.Columns]
		if !slices.Contains(line, true) {
			continue
		}
		res.Probabilities.Row(r, row)
		for k, in := range line {
			if in {
				n, sum = n+1, sum+float64(row[class][k])
			}
		}
	}
	return n, sum / float64(n)
}
