package radiograph

import "math"

// diaphysis is a section of bone in the picture: points of its centre line about one pixel
// apart, the direction at each, and half the width of the bone, in pixels.
type diaphysis struct {
	x, y, cos, sin, half []float64
}

func (f *diaphysis) n() int { return len(f.x) }

// length returns the length of the centre line.
func (f *diaphysis) length() float64 {
	l := 0.
	for k := 1; k < f.n(); k++ {
		l += math.Hypot(f.x[k]-f.x[k-1], f.y[k]-f.y[k-1])
	}
	return l
}

// width returns the mean half width.
func (f *diaphysis) width() float64 {
	w := 0.
	for _, h := range f.half {
		w += h
	}
	return w / float64(max(f.n(), 1))
}

// at returns the point at fraction t along the centre line and off half widths beside it.
func (f *diaphysis) at(t, off float64) (x, y float64) {
	k := min(max(int(math.Round(t*float64(f.n()-1))), 0), f.n()-1)
	return f.x[k] - off*f.half[k]*f.sin[k], f.y[k] + off*f.half[k]*f.cos[k]
}

// turn returns the direction at t as an angle.
func (f *diaphysis) turn(t float64) float64 {
	k := min(max(int(math.Round(t*float64(f.n()-1))), 0), f.n()-1)
	return math.Atan2(f.sin[k], f.cos[k])
}

// diaphysisAt follows the shape m from pixel i in both directions along its axis, which is
// normal to the direction of least width, until it widens, ends or leaves the picture.
func (s *Sheet) diaphysisAt(m []bool, i int) diaphysis {
	x, y := float64(i%s.w), float64(i/s.w)
	best, angle := math.Inf(1), 0.
	for k := range 18 {
		a := math.Pi * float64(k) / 18
		sin, cos := math.Sincos(a)
		if l, r := s.reach(m, x, y, cos, sin), s.reach(m, x, y, -cos, -sin); l+r < best {
			best, angle = l+r, a
		}
	}
	back, ahead := s.follow(m, x, y, angle-math.Pi/2, best/2), s.follow(m, x, y, angle+math.Pi/2, best/2)
	var f diaphysis
	for k := back.n() - 1; k > 0; k-- {
		f.add(back.x[k], back.y[k], -back.cos[k], -back.sin[k], back.half[k])
	}
	for k := range ahead.n() {
		f.add(ahead.x[k], ahead.y[k], ahead.cos[k], ahead.sin[k], ahead.half[k])
	}
	f.straighten()
	return f
}

// straighten moves the points to the nearest parabola: shafts have at most one bend, and
// overlapping bones would add more.
func (f *diaphysis) straighten() {
	n := f.n()
	if n < 4 {
		return
	}
	px, py, mean := parabola(f.x), parabola(f.y), f.width()
	for k := range f.x {
		t := 2*float64(k)/float64(n-1) - 1
		f.x[k], f.y[k] = px[0]+t*(px[1]+t*px[2]), py[0]+t*(py[1]+t*py[2])
		f.sin[k], f.cos[k] = math.Sincos(math.Atan2(py[1]+2*t*py[2], px[1]+2*t*px[2]))
		f.half[k] = (f.half[k] + mean) / 2
	}
}

// parabola fits c0 + c1·t + c2·t² by least squares to values at equal steps of t from −1 to 1.
// The functions 1, t and t² minus its mean are orthogonal there.
func parabola(v []float64) (c [3]float64) {
	n := float64(len(v))
	mean := (n + 1) / (n - 1) / 3 // of t²
	var p, norm [3]float64
	for k, x := range v {
		t := 2*float64(k)/(n-1) - 1
		for j, q := range [3]float64{1, t, t*t - mean} {
			p[j], norm[j] = p[j]+x*q, norm[j]+q*q
		}
	}
	for j := range p {
		p[j] /= norm[j]
	}
	return [3]float64{p[0] - mean*p[2], p[1], p[2]}
}

func (f *diaphysis) add(x, y, cos, sin, half float64) {
	f.x, f.y, f.cos, f.sin, f.half = append(f.x, x), append(f.y, y), append(f.cos, cos), append(f.sin, sin), append(f.half, half)
}

// follow goes in the direction of angle and keeps to the centre.
func (s *Sheet) follow(m []bool, x, y, angle, half float64) (f diaphysis) {
	sin, cos := math.Sincos(angle)
	for range 2 * (s.w + s.h) {
		l, r := s.reach(m, x, y, -sin, cos), s.reach(m, x, y, sin, -cos)
		h := (l + r) / 2
		if h < .5*half || h > 1.7*half+1 {
			return f
		}
		shift := min(max((l-r)/2, -1), 1)
		x, y = x-shift*sin, y+shift*cos
		f.add(x, y, cos, sin, h)
		a := math.Atan2(sin, cos) + .03*shift
		sin, cos = math.Sincos(a)
		if x, y = x+cos, y+sin; !s.has(m, x, y) {
			return f
		}
	}
	return f
}

// reach returns how far m extends from (x, y) in a direction, in pixels, at most a quarter of
// the picture.
func (s *Sheet) reach(m []bool, x, y, cos, sin float64) float64 {
	for t := range max(s.w, s.h) / 4 {
		if !s.has(m, x+float64(t)*cos, y+float64(t)*sin) {
			return float64(t)
		}
	}
	return float64(max(s.w, s.h) / 4)
}

func (s *Sheet) has(m []bool, x, y float64) bool {
	u, v := int(math.Round(x)), int(math.Round(y))
	return u >= 0 && v >= 0 && u < s.w && v < s.h && m[v*s.w+u]
}
