package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// sponge adds a positioning aid of foam: a barely visible shadow with straight sides, which
// stays open beam.
func (s *Sheet) sponge() {
	d := s.d
	shade := raster.New(s.w, s.h).Each(func(float32) float32 { return 1 })
	x, y, turn := d.Gauss(0, .5), d.Gauss(0, .5), d.Uni(0, math.Pi)
	for k := range d.Between(3, 6) {
		b := newBlade(turn+2*math.Pi*float64(k)/4+d.Gauss(0, .15), d.Uni(.25, .8), d.Uni(.01, .1))
		b.at += x*b.cos + y*b.sin
		s.shut(shade, b.soft, func(x, y float64) float64 { return x*b.cos + y*b.sin - b.at })
	}
	density, grain := float32(d.Uni(.004, .03)), s.noiseMap(d.Uni(1, 3))
	for i, t := range shade.V {
		s.path.V[i] += t * density * raster.Clamp(1+.3*grain.V[i], 0, 2)
	}
}

// sandbag adds a dense, uneven weight that reaches in from the border of the picture, at most
// onto the end of the limb.
func (s *Sheet) sandbag() {
	d, u := s.d, s.unit
	g := newDrawing(s.w, s.h)
	x, y, angle := s.border()
	sin, cos := math.Sincos(angle + math.Pi/2)
	half, long := d.Uni(12, 35)*u, d.Uni(20, 70)*u
	g.bar(x-long*cos, y-long*sin, x+long*cos, y+long*sin, half, u)
	lumps := s.noiseMap(d.Uni(2, 8))
	for i, c := range g.cover.V {
		g.thick.V[i] *= c * raster.Clamp(1+.25*lumps.V[i], .3, 2)
	}
	s.lay(g, float32(d.Uni(.8, 3)))
}

// border returns a point on the border of the picture and the direction inwards.
func (s *Sheet) border() (x, y, angle float64) {
	d, w, h := s.d, float64(s.w), float64(s.h)
	switch d.IntN(4) {
	case 0:
		x, y = 0, d.Uni(0, h)
	case 1:
		x, y = w, d.Uni(0, h)
	case 2:
		x, y = d.Uni(0, w), 0
	default:
		x, y = d.Uni(0, w), h
	}
	return x, y, math.Atan2(h/2-y, w/2-x) + d.Gauss(0, .2)
}

// hand adds a hand that holds the patient from the border of the picture, usually in a lead
// glove.
func (s *Sheet) hand() {
	d, u := s.d, s.unit
	g := newDrawing(s.w, s.h)
	x, y, angle := s.border()
	sin, cos := math.Sincos(angle)
	finger, palm := d.Uni(4, 8)*u, d.Uni(12, 22)*u
	in := d.Uni(0, 25) * u
	g.rod(x-40*u*cos, y-40*u*sin, x+in*cos, y+in*sin, always(palm))
	px, py := x+in*cos, y+in*sin
	bend := d.Gauss(0, .5)
	for k := range 4 {
		fx, fy := px-(float64(k)-1.5)*1.7*finger*sin, py+(float64(k)-1.5)*1.7*finger*cos
		s2, c2 := math.Sincos(angle + (float64(k)-1.5)*d.Uni(0, .2))
		long := palm * d.Uni(.8, 1.5)
		mx, my := fx+long*c2, fy+long*s2
		s3, c3 := math.Sincos(angle + bend)
		g.rod(fx, fy, mx, my, always(finger))
		g.rod(mx, my, mx+.8*long*c3, my+.8*long*s3, always(finger*.85))
	}
	mu := float32(d.Uni(.4, 2)) / float32(2*palm/u) * 4
	if d.Chance(.3) {
		mu = float32(d.Uni(.015, .03)) // without a glove
	}
	s.lay(g, mu)
}
