package simulate

import (
	"math"
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
	shade              []float32 // collimator transmission; nil when wide open
	thick, trunk       bool
	burn               []bool // burned-in letters
	steel              []bool // metal on top of bone or soft tissue; nil when there is none
}

// sample makes one radiograph from a view: geometry, physics, processing, label.
func sample(v view, d dice, size int) *sheet {
	s := draft(v, d, size)
	for range 5 {
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
	return apart(labelSoft, labelBone, .05) && apart(labelOpen, labelSoft, .04) && n[labelBone] > 50
}

func draft(v view, d dice, size int) *sheet {
	s := newSheet(d, size)
	s.trunk = isTrunk(v.part)
	for range 20 {
		s.warp(v)
		if share(s.skin, 1) > .04 && share(s.bone, .7) > .01 {
			break
		}
	}
	s.labelTissue()
	s.attenuate()
	s.cast()
	s.metal()
	s.clothes()
	s.marker()
	s.expose()
	s.process()
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
	s.label = make([]uint8, s.w*s.h)
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
	n := float64(mapSize)
	tx, ty := d.uni(-1, 1)*max(0, 1-sx)*n*.4, d.uni(-1, 1)*max(0, 1-sy)*n*.4
	var ex, ey plane
	if d.chance(.6) {
		a, g := float32(d.uni(1, 7)), d.uni(25, 80)
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

func (s *sheet) labelTissue() {
	s.body = make([]bool, len(s.label))
	for i := range s.label {
		s.body[i] = s.skin.v[i] > .9
		switch {
		case s.bone.v[i] > .7:
			s.label[i], s.body[i] = labelBone, true
		case s.body[i]:
			s.label[i] = labelSoft
		}
	}
}

// attenuate turns millimetres into attenuation: soft tissue 0.016–0.03 /mm (effective, 45–75 kV, scatter
// included), cortex 2.8–5.2 and marrow 1.2–2.9 times that. Linear coefficients after NIST X-ray mass
// attenuation tables (Hubbell and Seltzer, NISTIR 5632): at 40–60 keV soft tissue 0.021–0.028 /mm, cortical
// bone 0.060–0.128 /mm.
func (s *sheet) attenuate() {
	d := s.d
	mu := d.uni(.016, .03)
	cortex, marrow := float32(mu*d.uni(2.8, 5.2)), float32(mu*d.uni(1.2, 2.9))
	fatty, fat := float32(d.uni(0, 50)), float32(d.uni(0, .25))
	size := float32(1)
	if d.chance(.3) {
		size = exp32(float32(d.gauss(0, .25)))
	}
	muscle, amount := s.noiseMap(d.uni(8, 40)), float32(d.uni(0, .08))
	trabecula := s.trabeculae()
	gas := s.gas()
	s.path = newPlane(s.w, s.h)
	for i := range s.path.v {
		soft := max(s.skin.v[i]*size-s.bone.v[i], 0)
		soft -= fat * min(soft, fatty)
		soft *= 1 + amount*muscle.v[i]
		if gas.v != nil {
			soft = max(soft-gas.v[i], min(soft, 8))
		}
		m := min(s.marrow.v[i], s.bone.v[i])
		p := float32(mu)*soft + cortex*(s.bone.v[i]-m)
		if trabecula.v != nil {
			m *= clamp(1+trabecula.v[i], .2, 3)
		}
		s.path.v[i] = p + marrow*m
	}
}

// trabeculae is a fine net of two scales, drawn out along a random direction by differencing.
func (s *sheet) trabeculae() plane {
	if s.d.chance(.4) {
		return plane{}
	}
	a := float32(s.d.uni(.04, .22))
	fine, mid, coarse := s.noiseMap(1.3), s.noiseMap(2.2), s.noiseMap(5)
	for i := range fine.v {
		fine.v[i] = a * (fine.v[i] + mid.v[i] + .4*coarse.v[i])
	}
	return fine
}

func (s *sheet) gas() plane {
	if !s.trunk || s.d.chance(.5) {
		return plane{}
	}
	least, a := float32(s.d.uni(.5, 1.5)), float32(s.d.uni(0, 40))
	return s.noiseMap(s.d.uni(8, 30)).each(func(x float32) float32 { return a * clamp(x-least, 0, 1.5) })
}

// clothes and sheets: weak, smooth shadows everywhere.
func (s *sheet) clothes() {
	if s.d.chance(.75) {
		return
	}
	a := float32(s.d.uni(0, .08))
	for i, x := range s.noiseMap(s.d.uni(10, 80)).v {
		s.path.v[i] += max(a*x+.03, 0)
	}
}

// expose turns attenuation into detector signal: beam hardening, scatter, heel gradient, collimator,
// unsharpness, quantum and electronic noise.
func (s *sheet) expose() {
	d := s.d
	hard := float32(d.uni(0, .12))
	s.path.each(func(p float32) float32 { return p / (1 + hard*p) })
	s.thick = s.path.quantiles(s.body, .9)[0] > 2.2
	I := s.path.clone().each(func(p float32) float32 { return exp32(-p) })
	scatter := float32(d.uni(0, .5) * d.uni(0, 1))
	for i, b := range s.blur(I, d.uni(10, 40)).v {
		I.v[i] += scatter * b
	}
	gx, gy, gq := d.gauss(0, .12), d.gauss(0, .12), d.gauss(0, .12)
	for i := range I.v {
		x, y := s.at(i)
		I.v[i] *= exp32(float32(gx*x + gy*y + .5*gq*(x*x+y*y)))
	}
	s.collimate(I)
	I = s.blur(I, d.uni(0, 1.1))
	s.pic = s.detect(I)
}

func (s *sheet) detect(I plane) plane {
	d := s.d
	quanta := float32(math.Pow(10, d.uni(3.2, 6.3)))
	most := -2.8
	if s.thick {
		most = -3.8
	}
	electronic := float32(math.Pow(10, d.uni(-5, most)))
	for i, x := range I.v {
		x = max(x, 1e-5)
		sigma := float32(math.Sqrt(float64(x/quanta + electronic*electronic)))
		// Bone that a 7-pixel neighbourhood cannot tell from soft tissue is undecidable.
		if s.label[i] == labelBone && (s.steel == nil || !s.steel[i]) && s.bone.v[i]*.05*x < .5*sigma {
			s.label[i] = labelIgnore
		}
		I.v[i] = max(x+sigma*float32(d.NormFloat64()), 1e-5)
	}
	top := I.quantiles(nil, .995)[0]
	return I.each(func(x float32) float32 { return x / top })
}

// hideInvisible relabels skin as open beam where the processing left nothing of it: soft tissue, reached
// from the open beam over such pixels only, that differs from the air nearby by less than the noise.
func (s *sheet) hideInvisible() {
	lo, hi := s.pic.bounds()
	air, weight := newPlane(s.w, s.h), newPlane(s.w, s.h)
	for i, l := range s.label {
		if l == labelOpen && !s.outside[i] {
			air.v[i], weight.v[i] = s.pic.v[i], 1
		}
	}
	a, w, p := s.blur(air, 9), s.blur(weight, 9), s.blur(s.pic, .7)
	spread, n := 0.0, 0.0
	for i := range p.v {
		if weight.v[i] > 0 && w.v[i] > .3 {
			e := float64(p.v[i] - a.v[i]/w.v[i])
			spread, n = spread+e*e, n+1
		}
	}
	if n == 0 {
		return
	}
	least := max(float32(math.Sqrt(spread/n)), .015*(hi-lo))
	var queue []int
	for i, l := range s.label {
		if l == labelOpen {
			queue = append(queue, i)
		}
	}
	for k := 0; k < len(queue); k++ {
		for _, j := range neighbours(queue[k], s.w, s.h) {
			if j >= 0 && s.label[j] == labelSoft && w.v[j] > .002 && abs32(p.v[j]-a.v[j]/w.v[j]) < least {
				s.label[j] = labelOpen
				queue = append(queue, j)
			}
		}
	}
}

func abs32(x float32) float32 { return max(x, -x) }
