package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// equalise mixes in a histogram equalisation: tiled and limited (CLAHE) in 9 %, global in 5 %.
func (s *Sheet) equalise() {
	d := s.d
	m := d.Float64()
	if m >= .14 {
		return
	}
	s.stretch()
	tiles, limit := d.Between(2, 9), d.Uni(1, 4)
	if m >= .09 {
		tiles, limit = 1, 1e9
	}
	e, a := clahe(s.pic, tiles, limit), float32(d.Uni(.4, 1))
	for i, x := range s.pic.V {
		s.pic.V[i] = a*e.V[i] + (1-a)*x
	}
}

// clahe equalises values of 0..1 in tiles×tiles tiles, histogram bins limited to limit times the mean,
// and interpolates between the tiles' curves (Zuiderveld 1994).
func clahe(p raster.Plane, tiles int, limit float64) raster.Plane {
	curves := make([][256]float32, tiles*tiles)
	for t := range curves {
		x0, x1 := (t%tiles)*p.W/tiles, (t%tiles+1)*p.W/tiles
		y0, y1 := (t/tiles)*p.H/tiles, (t/tiles+1)*p.H/tiles
		var bins [256]float64
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				bins[int(raster.Clamp(p.V[y*p.W+x], 0, 1)*255)]++
			}
		}
		curves[t] = cumulate(bins, float64((x1-x0)*(y1-y0)), limit)
	}
	out := raster.New(p.W, p.H)
	for i, v := range p.V {
		b := int(raster.Clamp(v, 0, 1) * 255)
		gx := raster.Clamp((float32(i%p.W)+.5)*float32(tiles)/float32(p.W)-.5, 0, float32(tiles-1))
		gy := raster.Clamp((float32(i/p.W)+.5)*float32(tiles)/float32(p.H)-.5, 0, float32(tiles-1))
		x, y := int(gx), int(gy)
		x1, y1 := min(x+1, tiles-1), min(y+1, tiles-1)
		fx, fy := gx-float32(x), gy-float32(y)
		top := curves[y*tiles+x][b]*(1-fx) + curves[y*tiles+x1][b]*fx
		low := curves[y1*tiles+x][b]*(1-fx) + curves[y1*tiles+x1][b]*fx
		out.V[i] = top*(1-fy) + low*fy
	}
	return out
}

func cumulate(bins [256]float64, n, limit float64) (out [256]float32) {
	most, over := limit*n/256, 0.0
	for i, b := range bins {
		if b > most {
			over += b - most
			bins[i] = most
		}
	}
	sum := 0.0
	for i, b := range bins {
		sum += b + over/256
		out[i] = float32(sum / max(n, 1))
	}
	return out
}

// detailSigmas are the standard deviations, in 200ths of the longer side, between which detail cuts its bands.
var detailSigmas = []float64{.8, 1.6, 3.2, 6.4, 12.8}

// detail raises weak structures of each size over strong ones, as the multi-frequency processing of vendors does
// (Vuylsteke and Schoeters, Proc. SPIE 2167 (1994) 551): a power below one of each band, and less of what is coarser
// than all.
func (s *Sheet) detail() {
	d := s.d
	power, rest := d.Uni(.5, .85), float32(d.Uni(.35, .9))
	q := s.pic.Quantiles(s.exposedBody(), .02, .98)
	strong := float64(q[1]-q[0])*d.Uni(.3, .6) + 1e-6
	fine, out := s.pic.Clone(), raster.New(s.w, s.h)
	for _, sigma := range detailSigmas {
		coarse := s.blur(s.pic, sigma)
		for i := range out.V {
			x := float64(fine.V[i] - coarse.V[i])
			out.V[i] += float32(math.Copysign(strong*math.Pow(math.Abs(x)/strong, power), x))
		}
		fine = coarse
	}
	for i := range out.V {
		s.pic.V[i] = rest*fine.V[i] + out.V[i]
	}
}
