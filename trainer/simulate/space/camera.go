package space

import "math"

// Camera is a point source and a flat detector through Centre. Right, Up and Dir are orthonormal; Dir points away from
// the source.
type Camera struct {
	Centre, Right, Up, Dir Vec     // Right and Up: where rows go and columns come from
	Distance               float64 // from the source to Centre, mm
	Pixel                  float64 // mm at the plane through Centre
	Side                   int     // the detector has Side×Side pixels
}

// project returns pixel coordinates and 1/(distance from the source along Dir).
func (k Camera) project(p Vec) (x, y, w float64) {
	q := p.Sub(k.Centre)
	w = 1 / math.Max(k.Distance+q.Dot(k.Dir), 1)
	m := k.Distance * w / k.Pixel
	// The odd offset keeps mesh points off pixel centres, where an edge would count twice.
	return q.Dot(k.Right)*m + float64(k.Side)/2 + .123, -q.Dot(k.Up)*m + float64(k.Side)/2 + .077, w
}

// Resize gives the detector n×n pixels and keeps the field of view.
func (k *Camera) Resize(n int) { k.Pixel, k.Side = k.Pixel*float64(k.Side)/float64(n), n }
