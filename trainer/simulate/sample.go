package simulate

import (
	"math"

	"dicomnode/trainer/simulate/xray"
)

// Labels of the data set.
const (
	labelOpen   = 0
	labelSoft   = 1
	labelBone   = 2
	labelIgnore = 255
)

// sheet is one radiograph in the making. path is the attenuation integral, later pic the image; unit is
// one 200th of the longer side in pixels, in which all sizes on the detector are drawn.
type sheet struct {
	d                  dice
	w, h               int
	unit               float64
	skin, bone, marrow plane
	path, pic          plane
	label              []uint8
	body, outside      []bool    // outside: beyond the thickness map
	beam               []bool    // not shadowed by the collimator
	bandaged           []bool    // of a cast, outside the skin
	covered            []bool    // by a strip or padding
	twins              *blade    // the line between two exposures on one plate; nil for one
	shade              []float32 // collimator transmission; nil when wide open
	thick, trunk       bool
	chest              bool
	span, dist         float64 // mm that the longer side shows; from the focal spot to the body
	rays               *xray.Beam
	harder             float32 // how much more a quantum weighs behind a path of 1
	placed             placed
	linearTone         bool       // the picture's values are proportional to the signal
	ends               [2]float32 // of the window: the greys of full black and white
	burn               *writing   // burned in; nil for nothing
	steel              []bool     // metal on top of bone or soft tissue; nil when there is none
}

// sample makes one radiograph from a view: geometry, physics, processing, label.
func sample(v view, d dice, size int) *sheet {
	s := draft(v, d, size)
	for range 8 {
		if s.shows() {
			break
		}
		s = draft(v, d, size)
	}
	return s
}

// shows says whether bone stands out from soft tissue and soft tissue from air; nobody would keep or label
// an exposure where they do not.
func (s *sheet) shows() bool {
	var sum, n [3]float64
	lo, hi := s.pic.bounds()
	for i, l := range s.label {
		if l <= labelBone {
			sum[l] += float64((s.pic.v[i] - lo) / (hi - lo + 1e-6))
			n[l]++
		}
	}
	apart := func(a, b int, least float64) bool {
		return n[a] < 50 || n[b] < 50 || sum[a]/n[a]-sum[b]/n[b] > least
	}
	return apart(labelSoft, labelBone, .07) && apart(labelOpen, labelSoft, .05) && n[labelBone] > 50
}

func draft(v view, d dice, size int) *sheet {
	s := newSheet(d, size)
	s.trunk, s.chest = isTrunk(v.part), v.part == "chest" || v.part == "thorax"
	for range 20 {
		s.warp(v)
		if share(s.skin, 1) > .04 && share(s.bone, .7) > .01 {
			break
		}
	}
	s.twin()
	s.labelTissue()
	s.attenuate()
	s.cast()
	s.metal()
	s.clothes()
	s.jewellery()
	s.marker()
	s.expose()
	s.process()
	s.clip()
	s.hideInvisible()
	s.frame()
	for i := range s.label {
		if s.outside[i] {
			s.label[i] = labelIgnore
		}
	}
	return s
}

// newSheet chooses the format: square, or one side 0.55 to 0.95 of the other.
func newSheet(d dice, size int) *sheet {
	s := &sheet{d: d, w: size, h: size, unit: float64(size) / 200}
	short := int(float64(size) * d.uni(.55, .95))
	switch x := d.Float64(); {
	case x < .45:
		s.w = short
	case x < .75:
		s.h = short
	}
	s.label, s.covered = make([]uint8, s.w*s.h), make([]bool, s.w*s.h)
	return s
}

func share(p plane, above float32) float64 {
	n := 0
	for _, x := range p.v {
		if x > above {
			n++
		}
	}
	return float64(n) / float64(len(p.v))
}

func (s *sheet) noiseMap(size float64) plane       { return s.d.noise(s.w, s.h, size*s.unit) }
func (s *sheet) blur(p plane, sigma float64) plane { return p.blur(sigma * s.unit) }

// at returns pixel i in coordinates of −1..1 over the longer side.
func (s *sheet) at(i int) (x, y float64) {
	r := float64(max(s.w, s.h)) / 2
	return (float64(i%s.w) - float64(s.w)/2) / r, (float64(i/s.w) - float64(s.h)/2) / r
}

// warp samples the maps with random zoom, aspect (anatomy varies), rotation, shear, mirroring, shift and
// elastic deformation.
func (s *sheet) warp(v view) {
	d := s.d
	z, an := d.uni(.64, 1.08), math.Exp(d.gauss(0, .14))
	sx, sy := min(z*an, 1.2), min(z/an, 1.2)
	th := d.gauss(0, .2)
	if d.chance(.3) {
		th = d.uni(0, 2*math.Pi)
	}
	sin, cos := math.Sincos(th)
	shear := d.gauss(0, .04)
	flip := d.pick(-1, 1)
	s.placed = v.placed(s, [2]float64{sx, sy}, th, shear, flip)
	s.span, s.dist = s.placed.mm*float64(max(s.w, s.h)), v.cam.dist
	n := float64(mapSize)
	tx, ty := d.uni(-1, 1)*max(0, 1-sx)*n*.4, d.uni(-1, 1)*max(0, 1-sy)*n*.4
	var ex, ey plane
	if d.chance(.6) {
		g := d.uni(25, 80)
		a := float32(g * d.uni(.02, .07)) // more would make waves of straight bones
		mulBy := func(x float32) float32 { return x * a }
		ex, ey = s.noiseMap(g).each(mulBy), s.noiseMap(g).each(mulBy)
	}
	s.skin, s.bone, s.marrow = newPlane(s.w, s.h), newPlane(s.w, s.h), newPlane(s.w, s.h)
	s.outside = make([]bool, s.w*s.h)
	for i := range s.outside {
		x, y := s.at(i)
		x, y = x*n/2*sx*flip, y*n/2*sy
		px, py := cos*x-sin*y+shear*y+tx+n/2, sin*x+cos*y+ty+n/2
		s.outside[i] = px < 0 || py < 0 || px > n-1 || py > n-1
		if ex.v != nil {
			px, py = px+float64(ex.v[i]), py+float64(ey.v[i])
		}
		s.outside[i] = s.outside[i] || v.unknown(px, py)
		s.look(v, i, px, py)
	}
}

// look interpolates the three maps bilinearly at (x, y).
func (s *sheet) look(v view, i int, x, y float64) {
	n := v.skin.w
	x, y = min(max(x, 0), float64(n)-1.001), min(max(y, 0), float64(n)-1.001)
	j := int(y)*n + int(x)
	fx, fy := float32(x-math.Floor(x)), float32(y-math.Floor(y))
	for k, m := range [3]plane{v.skin, v.bone, v.marrow} {
		top := m.v[j] + (m.v[j+1]-m.v[j])*fx
		low := m.v[j+n] + (m.v[j+n+1]-m.v[j+n])*fx
		[3]plane{s.skin, s.bone, s.marrow}[k].v[i] = top + (low-top)*fy
	}
}
