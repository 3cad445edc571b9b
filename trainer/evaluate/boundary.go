package evaluate

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// Boundary is how far the predicted boundary of a class lies from the labelled one,
// and the other way round, both ways pooled: the mean, and the 95th percentile. A
// class's boundary is its pixels beside a scored pixel of another class (four
// neighbours). For more than one image it is the mean over Images, those where both
// boundaries exist; Missed counts those where only one does. Millimetres are given
// for images whose spacing the data set tells, and averaged over those.
type Boundary struct {
	Mean   Value `json:"mean_pixels"`
	P95    Value `json:"p95_pixels"`
	MeanMM Value `json:"mean_mm"`
	P95MM  Value `json:"p95_mm"`
	Images int   `json:"images,omitempty"`
	Missed int   `json:"missed,omitempty"`

	within []float64 // share of distances up to each of withinAt; nil without distances
}

// Within is the share of a class's boundary that lies within Distance of the other
// boundary; Distance is a fraction of the picture's longer side, so that pictures of
// different size can be compared. It is a mean over images.
type Within struct {
	Distance float64 `json:"distance"`
	Share    Value   `json:"share"`
}

// withinAt is the distances of Within: 0 to 5 % by an eighth of a per cent.
var withinAt = func() (at [41]float64) {
	for i := range at {
		at[i] = float64(i) / 800
	}
	return at
}()

// noBoundary has no figure.
var noBoundary = Boundary{Mean: undefined, P95: undefined, MeanMM: undefined, P95MM: undefined}

// Boundaries are those of the classes.
type Boundaries [dataset.Classes]Boundary

// BoundariesOf compares a prediction with its label, both rows×cols; what the label
// ignores is not looked at. spacing is the millimetres per pixel, 0 when unknown.
func BoundariesOf(label, prediction []uint8, rows, cols int, spacing float64) Boundaries {
	scored := slices.Clone(prediction)
	hide(scored, label)
	return boundaries(label, scored, rows, cols, spacing)
}

// boundaries compares two rows×cols pictures of classes; both are Ignore where
// nothing is scored. spacing is the millimetres per pixel, 0 when unknown.
func boundaries(truth, predicted []uint8, rows, cols int, spacing float64) Boundaries {
	var out Boundaries
	d := newDistances(rows, cols)
	a, b := make([]bool, rows*cols), make([]bool, rows*cols)
	for k := range out {
		inTruth := edges(a, truth, rows, cols, uint8(k))
		inPrediction := edges(b, predicted, rows, cols, uint8(k))
		out[k] = noBoundary
		if !inTruth && !inPrediction {
			continue
		}
		if inTruth != inPrediction {
			out[k].Missed = 1
			continue
		}
		out[k].set(pooled(d, a, b), max(rows, cols), spacing)
	}
	return out
}

// set fills in the figures of one image from its distances.
func (b *Boundary) set(all []float32, side int, spacing float64) {
	var sum float64
	for _, v := range all {
		sum += float64(v)
	}
	slices.Sort(all)
	b.Images = 1
	b.Mean, b.P95 = Value(sum/float64(len(all))), Value(raster.Between(all, 0.95))
	for _, at := range withinAt {
		n, _ := slices.BinarySearch(all, float32(at*float64(side))+1e-3)
		b.within = append(b.within, float64(n)/float64(len(all)))
	}
	if spacing > 0 {
		b.MeanMM, b.P95MM = b.Mean*Value(spacing), b.P95*Value(spacing)
	}
}

// pooled is the distances from each mark of a to the nearest of b, and back.
func pooled(d *distances, a, b []bool) []float32 {
	var all []float32
	each := func(squared int) { all = append(all, float32(math.Sqrt(float64(squared)))) }
	for _, pair := range [2][2][]bool{{a, b}, {b, a}} {
		d.mark(pair[0])
		for r := range d.rows {
			if slices.Contains(pair[1][r*d.cols:][:d.cols], true) {
				d.row(r, pair[1], each)
			}
		}
	}
	return all
}

// edges marks the pixels of class k beside a pixel of another class, and reports
// whether there is one.
func edges(mark []bool, class []uint8, rows, cols int, k uint8) (found bool) {
	other := func(i int) bool { return class[i] != k && class[i] != dataset.Ignore }
	for i, v := range class {
		mark[i] = false
		if v != k {
			continue
		}
		x := i % cols
		mark[i] = x > 0 && other(i-1) || x < cols-1 && other(i+1) || i >= cols && other(i-cols) || i < (rows-1)*cols && other(i+cols)
		found = found || mark[i]
	}
	return found
}

// averageBoundaries is the mean over images.
func averageBoundaries(images []Boundaries) Boundaries {
	var out Boundaries
	for k := range out {
		var columns [4][]Value
		for _, b := range images {
			for i, v := range [4]Value{b[k].Mean, b[k].P95, b[k].MeanMM, b[k].P95MM} {
				columns[i] = append(columns[i], v)
			}
			out[k].Missed += b[k].Missed
		}
		out[k].Mean, out[k].Images = average(columns[0])
		out[k].P95, _ = average(columns[1])
		out[k].MeanMM, _ = average(columns[2])
		out[k].P95MM, _ = average(columns[3])
	}
	return out
}

// averageWithin is the mean over images that have a distance.
func averageWithin(images []Boundaries) (out [dataset.Classes][]Within) {
	for k := range out {
		for i, at := range withinAt {
			var shares []Value
			for _, b := range images {
				if b[k].within != nil {
					shares = append(shares, Value(b[k].within[i]))
				}
			}
			mean, n := average(shares)
			if n > 0 {
				out[k] = append(out[k], Within{at, mean})
			}
		}
	}
	return out
}
