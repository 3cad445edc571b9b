package fit

import (
	"math"
	"math/rand/v2"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/warp"
)

// Augmentation varies the pictures on the fly. The zero value changes nothing.
// Open beam stays bright: no variation turns the scale round.
type Augmentation struct {
	Flip    bool    // mirror either way, and turn by 90°
	Upright bool    `json:",omitempty"` // do not turn by 90°
	Rotate  float64 // largest turn, degrees
	Zoom    float64 // largest magnification and reduction, as log: 0.2 is ±22 %
	Shear   float64 // largest shear
	Aspect  float64 // share of pictures cropped to another aspect ratio and letterboxed again
	Elastic float64 `json:",omitempty"` // largest elastic displacement either way, pixels of the 200×200; never so far that the picture folds
	Gamma   float64 // standard deviation of the logarithm of gamma
	Noise   float64 // largest standard deviation of added noise, of the full scale
	Clip    float64 // largest share of the scale cut off at either end
}

// DefaultAugmentation suits simulated pictures and a handful of real ones.
var DefaultAugmentation = Augmentation{Flip: true, Rotate: 15, Zoom: 0.2, Shear: 0.08, Aspect: 0.5, Elastic: DefaultElastic, Gamma: 0.2, Noise: 0.02, Clip: 0.05}

// UprightAugmentation suits pictures of trunk and head, which are upright: they are not turned by 90°, and turned,
// sheared and cropped half as far or less.
var UprightAugmentation = Augmentation{Flip: true, Upright: true, Rotate: 7, Zoom: 0.15, Shear: 0.04, Aspect: 0.2, Elastic: DefaultElastic, Gamma: 0.2, Noise: 0.02, Clip: 0.05}

// DefaultElastic is DefaultAugmentation's largest elastic displacement, in pixels
// of the 200×200: 1.5 % of the longer side, a third of what trainer augment takes.
const DefaultElastic = 3

// apply writes the augmented picture and label of s into x and label, both size×size.
func (a Augmentation) apply(r *rand.Rand, s *dataset.Sample, x []float32, label []uint8) {
	if a == (Augmentation{}) && len(x) == len(s.X) {
		s.Picture(x)
		copy(label, s.Label)
		return
	}
	v := a.view(r, s.Geo, int(math.Round(math.Sqrt(float64(len(x))))))
	v.sample(s, x, label)
	a.intensity(r, v, x)
}

// view maps an output pixel to a place in the sample: an affine map between the
// centres of two rectangles, the output's picture area and a window of the
// sample's, after an elastic deformation of the former.
type view struct {
	size                     int
	top, left, height, width int // picture area of the output
	m                        [4]float64
	cy, cx                   float64    // centre of the window in the sample
	bend                     *warp.Bend // of the picture area, nil: none
	from                     picture.Geometry
}

func (a Augmentation) view(r *rand.Rand, g picture.Geometry, size int) view {
	aspect := float64(g.Width) / float64(g.Height) // of the output
	quarter := a.Flip && r.IntN(2) == 1 && !a.Upright
	if quarter {
		aspect = 1 / aspect
	}
	if r.Float64() < a.Aspect {
		aspect *= math.Exp2(2*r.Float64() - 1)
	}
	v := letterbox(size, aspect)
	v.from = g
	h, w := float64(g.Height), float64(g.Width)
	if quarter {
		h, w = w, h
	}
	// The largest window of the output's aspect, then magnified or reduced.
	scale := min(h/float64(v.height), w/float64(v.width))
	free := [2]float64{h - scale*float64(v.height), w - scale*float64(v.width)}
	scale *= math.Exp(a.Zoom * (2*r.Float64() - 1))
	shift := [2]float64{free[0] * (r.Float64() - 0.5), free[1] * (r.Float64() - 0.5)}
	v.m = warp.Affine{Rotate: a.Rotate, Shear: a.Shear, Flip: a.Flip}.Matrix(r, scale, false)
	if quarter {
		v.m = [4]float64{v.m[2], v.m[3], v.m[0], v.m[1]}
		shift[0], shift[1] = shift[1], shift[0]
	}
	v.cy = float64(g.Top) + float64(g.Height)/2 + shift[0]
	v.cx = float64(g.Left) + float64(g.Width)/2 + shift[1]
	if a.Elastic > 0 {
		v.bend = warp.NewBend(r, v.height, v.width, a.Elastic*r.Float64())
	}
	return v
}

// letterbox is the picture area of an output whose picture has the given width
// over height, as picture.NewGeometry places it.
func letterbox(size int, aspect float64) view {
	v := view{size: size, height: size, width: size}
	if aspect > 1 {
		v.height = max(1, int(math.Round(float64(size)/aspect)))
	} else {
		v.width = max(1, int(math.Round(float64(size)*aspect)))
	}
	v.top, v.left = (size-v.height)/2, (size-v.width)/2
	return v
}

// sample reads the picture (bilinear, repeating its edge) and the label
// (nearest, 255 outside the picture).
func (v view) sample(s *dataset.Sample, x []float32, label []uint8) {
	for i := range label {
		label[i] = dataset.Ignore
	}
	g := v.from
	lowY, highY := float64(g.Top), float64(g.Top+g.Height-1)
	lowX, highX := float64(g.Left), float64(g.Left+g.Width-1)
	for row := range v.height {
		at := v.line(row)
		for col := range v.width {
			sy, sx := at(col)
			i := (v.top+row)*v.size + v.left + col
			y, xx := min(max(sy, lowY), highY), min(max(sx, lowX), highX)
			x[i] = bilinear(s.X, y, xx, g)
			if math.Abs(y-sy) <= 0.5 && math.Abs(xx-sx) <= 0.5 {
				label[i] = s.Label[int(y+0.5)*dataset.Side+int(xx+0.5)]
			}
		}
	}
}

// line is the map along a row of the picture area: from a column of it to a place
// in the sample, where whole numbers are centres of pixels.
func (v view) line(row int) func(col int) (sy, sx float64) {
	y := float64(row) + 0.5
	straight := func(dy, dx float64) (sy, sx float64) {
		dy, dx = dy-float64(v.height)/2, dx-float64(v.width)/2
		return v.cy + v.m[0]*dy + v.m[1]*dx - 0.5, v.cx + v.m[2]*dy + v.m[3]*dx - 0.5
	}
	if v.bend == nil {
		return func(col int) (sy, sx float64) { return straight(y, float64(col)+0.5) }
	}
	bent := v.bend.Line(y)
	return func(col int) (sy, sx float64) {
		x := float64(col) + 0.5
		dy, dx := bent.At(x)
		return straight(y+dy, x+dx)
	}
}

// bilinear reads X at (y, x) inside the picture area of g; 0..1.
func bilinear(pix []uint16, y, x float64, g picture.Geometry) float32 {
	y0, x0 := int(y), int(x)
	y1, x1 := min(y0+1, g.Top+g.Height-1), min(x0+1, g.Left+g.Width-1)
	fy, fx := float32(y-float64(y0)), float32(x-float64(x0))
	a, b := float32(pix[y0*dataset.Side+x0]), float32(pix[y0*dataset.Side+x1])
	c, d := float32(pix[y1*dataset.Side+x0]), float32(pix[y1*dataset.Side+x1])
	return raster.Mix(a, b, c, d, fx, fy) / 65535
}

// intensity varies the grey scale inside the picture area and makes it canonical
// again: mean 0, largest absolute value 1, padding at the minimum.
func (a Augmentation) intensity(r *rand.Rand, v view, x []float32) {
	low, high := float32(1), float32(0)
	v.each(x, func(p *float32) { low, high = min(low, *p), max(high, *p) })
	span := max(high-low, 1e-6)
	gamma := math.Exp(a.Gamma * r.NormFloat64())
	noise := float32(a.Noise * r.Float64())
	cutLow, cutHigh := float32(a.Clip*r.Float64()*r.Float64()), 1-float32(a.Clip*r.Float64()*r.Float64())
	var sum float64
	v.each(x, func(p *float32) {
		u := min(max((*p-low)/span, cutLow), cutHigh)
		if a.Gamma > 0 {
			u = float32(math.Pow(float64(u), gamma))
		}
		if noise > 0 {
			u += noise * float32(r.NormFloat64())
		}
		*p = u
		sum += float64(u)
	})
	v.canonical(x, float32(sum/float64(v.height*v.width)))
}

func (v view) canonical(x []float32, mean float32) {
	var peak float32
	v.each(x, func(p *float32) {
		*p -= mean
		peak = max(peak, max(*p, -*p))
	})
	if peak < 1e-6 {
		clear(x)
		return
	}
	low := float32(1)
	v.each(x, func(p *float32) {
		*p /= peak
		low = min(low, *p)
	})
	for i := range x {
		row, col := i/v.size, i%v.size
		if row < v.top || row >= v.top+v.height || col < v.left || col >= v.left+v.width {
			x[i] = low
		}
	}
}

func (v view) each(x []float32, f func(*float32)) {
	for row := v.top; row < v.top+v.height; row++ {
		line := x[row*v.size+v.left:][:v.width]
		for i := range line {
			f(&line[i])
		}
	}
}
