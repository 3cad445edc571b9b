// Package clahe implements contrast limited adaptive histogram equalisation (CLAHE).
package clahe

import "dicomnode/internal/raster"

// Equalise equalises values of 0..1 in tiles×tiles tiles. It limits histogram bins to limit
// times their mean and interpolates between the curves of the tiles (Zuiderveld 1994).
func Equalise(p raster.Plane, tiles int, limit float64) raster.Plane {
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
