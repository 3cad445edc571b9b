package raster

// Neighbour maps pixel k of an axis of n pixels into one of m that covers the same: i is the
// pixel of the m at or before its centre, f the share of pixel i+1 in a bilinear
// interpolation, 0 to 1. Beyond the outermost centres their values go on.
func Neighbour(k, n, m int) (i int, f float32) {
	x := (float64(k)+0.5)*float64(m)/float64(n) - 0.5
	x = min(max(x, 0), float64(m-1))
	i = min(int(x), max(0, m-2))
	return i, float32(x - float64(i))
}

// Mix interpolates bilinearly between four neighbours: a and b above, c and d below; fx is
// the share of b and d, fy that of c and d.
func Mix(a, b, c, d, fx, fy float32) float32 {
	top, low := a+(b-a)*fx, c+(d-c)*fx
	return top + (low-top)*fy
}
