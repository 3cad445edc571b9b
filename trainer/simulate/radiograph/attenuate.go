package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/xray"
)

// attenuate converts millimetres of tissue to the attenuation integral −ln(signal) for the
// sample's X-ray tube, including beam hardening.
func (s *Sheet) attenuate() {
	b := xray.NewBeam(s.source())
	s.rays, s.harder = b, float32(b.Hardening())
	soft, bone := s.tissues()
	l0, h0 := soft.Bounds()
	l1, h1 := bone.Bounds()
	a := b.Absorber([2]float32{l0, l1}, [2]float32{h0, h1})
	for i, t := range soft.V {
		soft.V[i] = a.At(t, bone.V[i])
	}
	s.path = soft
}

// tissues returns the body as mm of muscle and of cortical bone. Soft tissue is muscle with
// texture, mixed with up to 80 mm of fat, and gas in the bowel. Bone is cortex around marrow
// and trabeculae. For a CT only gas is added.
func (s *Sheet) tissues() (soft, bone raster.Plane) {
	d := s.d
	fat := xray.Fat()
	marrow, trabeculae := s.spongiosa()
	dense := float32(d.Uni(.82, 1.04)) // cortex loses mineral with age
	layer, fatty := float32(d.Uni(0, 80)), float32(d.Uni(0, 1))
	size := float32(1)
	if d.Chance(.3) {
		size = raster.Exp32(float32(d.Gauss(0, .25)))
	}
	texture, amount := s.noiseMap(d.Uni(8, 40)), float32(d.Uni(0, .08))
	net := s.trabeculae()
	gas := s.gas()
	if s.scanned { // a CT contains its own fat, gas and spongiosa
		net, fatty, dense, amount, marrow = raster.Plane{}, 0, 1, 0, xray.Marrow()
	}
	soft, bone = raster.New(s.w, s.h), raster.New(s.w, s.h)
	for i, t := range s.bone.V {
		flesh := max(s.skin.V[i]*size-t, 0)
		f := fatty * min(flesh, layer)
		flesh = (flesh - f) * (1 + amount*texture.V[i])
		if gas.V != nil {
			flesh = max(flesh-gas.V[i], min(flesh, 8))
		}
		in := min(s.marrow.V[i], t)
		soft.V[i] = flesh + f*float32(fat.Muscle) + in*float32(marrow.Muscle)
		bone.V[i] = (t-in)*dense + f*float32(fat.Cortical) + in*float32(marrow.Cortical)
		if net.V != nil {
			bone.V[i] += in * raster.Clamp(net.V[i], -.8, 2) * trabeculae
		}
	}
	return soft, bone
}

// source sets the tube as technique charts do: 1 to 2 kV more per cm of body, from about 50 kV
// for a hand; 100 to 120 kV for the chest.
func (s *Sheet) source() xray.Tube {
	d := s.d
	t := xray.Tube{KV: min(max(52+1.6*s.thickness()+d.Gauss(0, 6), 45), 100), Aluminium: d.Uni(2.5, 4)}
	if isChest(s.part) && s.thickness() > 12 && d.Chance(.75) {
		t.KV = d.Uni(100, 120)
	}
	if d.Chance(.25) {
		t.Copper = d.Pick(.1, .1, .2)
	}
	return t
}

// spongiosa returns the inside of a bone, a mixture of marrow with 8 to 52 % trabeculae, and
// that share.
func (s *Sheet) spongiosa() (xray.Mixture, float32) {
	p, share := xray.Marrow(), s.d.Uni(.08, .52)
	return xray.Mixture{Muscle: (1 - share) * p.Muscle, Cortical: (1-share)*p.Cortical + share}, float32(share)
}

// trabeculae returns a fine texture at two scales, stretched along a random direction by
// differencing.
func (s *Sheet) trabeculae() raster.Plane {
	if s.d.Chance(.4) {
		return raster.Plane{}
	}
	a := float32(s.d.Uni(.02, .12))
	fine, mid, coarse := s.noiseMap(1.3), s.noiseMap(2.2), s.noiseMap(5)
	for i := range fine.V {
		fine.V[i] = a * (fine.V[i] + mid.V[i] + .4*coarse.V[i])
	}
	return fine
}

// mineralise gives the bone of a CT of trunk or head the borders and the mineral of more people.
// Thick slices, and voxels of 0.8 mm and more, have blurred the cortex, whose borders are what
// shows a rib before a lung. That people have up to twice the mineral of the scanned is assumed.
func (s *Sheet) mineralise() {
	if !s.scanned || !s.trunk {
		return
	}
	d := s.d
	gain, edge := float32(math.Exp(d.Uni(0, math.Log(2)))), float32(d.Uni(.5, 2))
	mineral := s.bone.Clone()
	for i, m := range s.marrow.V {
		mineral.V[i] -= m
	}
	smooth := mineral.Blur(2.5 / s.Placed.Mm)
	for i, m := range mineral.V {
		m = gain * (m + edge*(m-smooth.V[i]))
		s.marrow.V[i] = s.bone.V[i] - raster.Clamp(m, 0, s.bone.V[i])
	}
}

// gas returns gas in the bowel in mm: loops with soft or hard borders, in half of them stool. The
// bowel of a CT has some of its own, but always in the same places; gas is added where the body is
// thick in the abdomen.
func (s *Sheet) gas() raster.Plane {
	d := s.d
	if !s.trunk || d.Chance(.5) || s.scanned && !isAbdomen(s.part) {
		return raster.Plane{}
	}
	least, a, steep := float32(d.Uni(.5, 1.5)), float32(d.Uni(0, 40)), float32(math.Exp(d.Uni(0, math.Log(8))))
	gas := s.noiseMap(d.Uni(6, 30)).Each(func(x float32) float32 { return a * min(max(x-least, 0)*steep, 1.5) })
	if d.Chance(.5) {
		lumps := s.noiseMap(d.Uni(1, 4))
		for i, x := range lumps.V {
			gas.V[i] *= raster.Clamp(.5+x, 0, 1)
		}
	}
	if s.scanned {
		for i, t := range s.skin.V {
			gas.V[i] *= raster.Clamp((t-120)/40, 0, 1)
		}
	}
	return gas
}

// opacify makes some of the lungs of a chest diseased: it fills a share of their air, at spots, on one
// side of a line (a lobe, a lung, an effusion below), or everywhere. What the ray crosses
// elsewhere stays.
func (s *Sheet) opacify() {
	d := s.d
	if !isChest(s.part) || s.air.W == 0 || d.Chance(.55) {
		return
	}
	filled := raster.New(s.w, s.h)
	for range d.Between(1, 4) {
		amount := float32(d.Uni(.15, 1))
		kind := [...]func() func(i int) float32{s.spots, s.side, s.haze}[d.IntN(3)]()
		for i, x := range filled.V {
			filled.V[i] = max(x, amount*raster.Clamp(kind(i), 0, 1))
		}
	}
	for i, x := range filled.V {
		s.skin.V[i] += x * s.air.V[i]
		s.air.V[i] *= 1 - x
	}
}

func (s *Sheet) spots() func(i int) float32 {
	least, steep, n := float32(s.d.Uni(0, 1.5)), float32(math.Exp(s.d.Uni(-.7, 1.8))), s.noiseMap(s.d.Uni(4, 30))
	return func(i int) float32 { return (n.V[i] - least) * steep }
}

// side is one side of a line that is mostly upright or level.
func (s *Sheet) side() func(i int) float32 {
	d := s.d
	sin, cos := math.Sincos(d.Pick(0, .5, .5, 1, 1.5)*math.Pi + d.Gauss(0, .25))
	at, soft, wave, n := d.Uni(-.25, .5), math.Exp(d.Uni(math.Log(.02), math.Log(.5))), d.Uni(0, .12), s.noiseMap(d.Uni(6, 25))
	return func(i int) float32 {
		x, y := s.at(i)
		return float32((x*cos+y*sin-at+wave*float64(n.V[i]))/soft + .5)
	}
}

// haze is everywhere, with a fine texture, as of oedema or fibrosis.
func (s *Sheet) haze() func(i int) float32 {
	a, grain, n := float32(s.d.Uni(.05, .4)), float32(s.d.Uni(0, .8)), s.noiseMap(s.d.Uni(.8, 4))
	return func(i int) float32 { return a * (1 + grain*n.V[i]) }
}

// clothes adds clothes and sheets: weak, smooth shadows everywhere.
func (s *Sheet) clothes() {
	if s.d.Chance(.75) {
		return
	}
	a := float32(s.d.Uni(0, .08))
	for i, x := range s.noiseMap(s.d.Uni(10, 80)).V {
		s.path.V[i] += max(a*x+.03, 0)
	}
}
