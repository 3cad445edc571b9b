package radiograph

import "math"

// limbAxis is the main direction of a shape in a picture and its centre line along that
// direction, in pixels.
type limbAxis struct {
	x, y     float64 // centre
	cos, sin float64
	lo, hi   float64   // extent along the axis
	middle   []float64 // at lo, lo+1, …: the mean position across the axis
}

func newLimbAxis(m []bool, w, h int) limbAxis {
	var n, x, y, xx, yy, xy float64
	for i, in := range m {
		if in {
			u, v := float64(i%w), float64(i/w)
			n, x, y, xx, yy, xy = n+1, x+u, y+v, xx+u*u, yy+v*v, xy+u*v
		}
	}
	n = max(n, 1)
	x, y = x/n, y/n
	turn := .5 * math.Atan2(2*(xy/n-x*y), xx/n-x*x-yy/n+y*y)
	l := limbAxis{x: x, y: y, lo: math.Inf(1), hi: math.Inf(-1)}
	l.sin, l.cos = math.Sincos(turn)
	l.measure(m, w, h)
	return l
}

func (l *limbAxis) measure(m []bool, w, h int) {
	off := w + h
	sum, n := make([]float64, 2*off+1), make([]float64, 2*off+1)
	for i, in := range m {
		if in {
			a, c := l.of(i, w)
			l.lo, l.hi = min(l.lo, a), max(l.hi, a)
			k := int(a) + off
			sum[k], n[k] = sum[k]+c, n[k]+1
		}
	}
	if l.lo > l.hi {
		l.lo, l.hi = 0, 0
	}
	const near = 8
	for k := int(l.lo); k <= int(l.hi); k++ {
		s, c := 0.0, 0.0
		for j := max(k-near+off, 0); j <= min(k+near+off, 2*off); j++ {
			s, c = s+sum[j], c+n[j]
		}
		l.middle = append(l.middle, s/max(c, 1))
	}
}

// of returns the position of pixel i along and across the axis.
func (l *limbAxis) of(i, w int) (along, across float64) {
	x, y := float64(i%w)-l.x, float64(i/w)-l.y
	return x*l.cos + y*l.sin, y*l.cos - x*l.sin
}

// across returns the signed distance from the centre line.
func (l *limbAxis) across(a, c float64) float64 {
	k := min(max(int(a)-int(l.lo), 0), len(l.middle)-1)
	return c - l.middle[k]
}
