package segment

import (
	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// strict is the index of high-precision soft tissue among what is counted of an image, behind
// the classes.
const strict = picture.Classes

// counts are the pixels of each class and of high-precision soft tissue, and the sums of their
// probabilities.
type counts struct {
	pixels      [strict + 1]int
	probability [strict + 1]float64
}

// regions fills the masks and figures of res. Each row is painted as soon as its classes are
// known, and again where small islands were removed.
func (res *Result) regions(c Config, up *picture.Upsampler) {
	n := res.Rows * res.Columns
	res.Masks = Masks{make(picture.Mask, n), make(picture.Mask, n), make(picture.Mask, n), make(picture.Mask, n)}
	rows := make([]counts, res.Rows)
	label := up.Labels(res.Field, func(r int, label []uint8, probability []float32) { rows[r] = res.paint(r, label, probability) })
	changed, lines := picture.RemoveIslands(label, res.Rows, res.Columns, c.leastIsland(n))
	up.Again(lines, label, func(r int, label []uint8, probability []float32) {
		for _, m := range res.row(r) {
			clear(m)
		}
		rows[r] = res.paint(r, label, probability)
	})
	res.Probabilities, res.Islands = up, changed
	res.statistics(rows)
}

// row returns a row of each mask.
func (res *Result) row(r int) [strict + 1][]bool {
	row := func(m picture.Mask) []bool { return m[r*res.Columns:][:res.Columns] }
	return [strict + 1][]bool{row(res.Masks.Open), row(res.Masks.Soft), row(res.Masks.Bone), row(res.Masks.HighPrecisionSoft)}
}

// paint marks the regions of a row in the masks, where nothing is marked yet.
func (res *Result) paint(r int, label []uint8, probability []float32) (c counts) {
	masks := res.row(r)
	threshold := float32(res.SoftTissueThreshold)
	raster.Stretched(label, func(class uint8, from, to int) {
		if class >= picture.Classes {
			return
		}
		raster.Set(masks[class][from:to])
		c.pixels[class] += to - from
		c.probability[class] += total(probability[from:to])
		if class == picture.SoftTissue {
			n, sum := above(probability[from:to], threshold, masks[strict][from:to])
			c.pixels[strict] += n
			c.probability[strict] += sum
		}
	})
	return c
}

// total is the sum of p. Probabilities of a likeliest class are multiples of 2⁻²⁵, so that it is
// exact in whatever order they are added.
func total(p []float32) float64 {
	var a, b, c, d float64 // four sums that need not wait for each other
	for ; len(p) >= 4; p = p[4:] {
		a += float64(p[0])
		b += float64(p[1])
		c += float64(p[2])
		d += float64(p[3])
	}
	for _, v := range p {
		a += float64(v)
	}
	return a + b + c + d
}

// above marks what of p reaches a threshold, and sums it up.
func above(p []float32, threshold float32, mark []bool) (n int, sum float64) {
	for k, v := range p {
		if v >= threshold {
			mark[k] = true
			n++
			sum += float64(v)
		}
	}
	return n, sum
}

// statistics sums the rows up.
func (res *Result) statistics(rows []counts) {
	var all counts
	for _, row := range rows {
		for k, n := range row.pixels {
			all.pixels[k] += n
			all.probability[k] += row.probability[k]
		}
	}
	exposed := res.Field.Count()
	for k, into := range []*Statistics{&res.Open, &res.Soft, &res.Bone, &res.HighPrecisionSoft} {
		*into = Statistics{Pixels: all.pixels[k]}
		if into.Pixels > 0 {
			into.MeanProbability = all.probability[k] / float64(into.Pixels)
			into.Fraction = float64(into.Pixels) / float64(exposed)
		}
	}
}
