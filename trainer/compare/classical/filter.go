package classical

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// clampAt reads v, h×w, with the border repeated outwards.
func clampAt(v []float64, h, w, y, x int) float64 {
	return v[min(max(y, 0), h-1)*w+min(max(x, 0), w-1)]
}

// median3 is the median of 3×3.
func median3(v []float64, h, w int) []float64 {
	out := make([]float64, len(v))
	var n [9]float64
	for i := range v {
		for k := range n {
			n[k] = clampAt(v, h, w, i/w+k/3-1, i%w+k%3-1)
		}
		slices.Sort(n[:])
		out[i] = n[4]
	}
	return out
}

// gaussian smooths with standard deviation sigma in pixels; 0 copies.
func gaussian(v []float64, h, w int, sigma float64) []float64 {
	kernel := gaussianKernel(sigma)
	out := slices.Clone(v)
	for y := range h {
		convolve(out[y*w:][:w], 1, kernel)
	}
	for x := range w {
		convolve(out[x:], w, kernel)
	}
	return out
}

// convolve applies a symmetric kernel to every step-th value of v, in place, with
// the ends repeated outwards.
func convolve(v []float64, step int, kernel []float64) {
	n, r := (len(v)+step-1)/step, len(kernel)/2
	line := make([]float64, n+2*r)
	for i := range line {
		line[i] = v[min(max(i-r, 0), n-1)*step]
	}
	for i := range n {
		var sum float64
		for k, g := range kernel {
			sum += g * line[i+k]
		}
		v[i*step] = sum
	}
}

func gaussianKernel(sigma float64) []float64 {
	if sigma <= 0 {
		return []float64{1}
	}
	r := int(math.Ceil(3 * sigma))
	k := make([]float64, 2*r+1)
	var sum float64
	for i := range k {
		d := float64(i-r) / sigma
		k[i] = math.Exp(-d * d / 2)
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

// sobel returns the gradient in grey values per pixel along columns and rows.
func sobel(v []float64, h, w int) (gx, gy []float64) {
	gx, gy = make([]float64, len(v)), make([]float64, len(v))
	for i := range v {
		y, x := i/w, i%w
		for d := -1; d <= 1; d++ {
			weight := float64(2-d*d) / 8 // 1, 2, 1
			gx[i] += weight * (clampAt(v, h, w, y+d, x+1) - clampAt(v, h, w, y+d, x-1))
			gy[i] += weight * (clampAt(v, h, w, y+1, x+d) - clampAt(v, h, w, y-1, x+d))
		}
	}
	return gx, gy
}

// noise estimates the standard deviation of white noise by the median absolute
// difference of each pixel to the mean of its left and right neighbours, which a
// slope leaves alone.
func noise(v []float64, h, w int) float64 {
	if w < 3 {
		return 0
	}
	var d []float64
	for y := range h {
		for x := 1; x < w-1; x++ {
			i := y*w + x
			d = append(d, math.Abs(v[i]-(v[i-1]+v[i+1])/2))
		}
	}
	return medianOf(d) / 0.6745 / math.Sqrt(1.5) // normal; variance 1 + 2/4
}

// medianOf sorts v and returns its upper median, 0 of nothing.
func medianOf(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return raster.Nearest(v, 0.5)
}

// neighbours calls f with the indices of the 4-neighbours of i.
func neighbours(i, h, w int, f func(j int)) {
	y, x := i/w, i%w
	if y > 0 {
		f(i - w)
	}
	if x > 0 {
		f(i - 1)
	}
	if x < w-1 {
		f(i + 1)
	}
	if y < h-1 {
		f(i + w)
	}
}
