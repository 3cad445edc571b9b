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
// and trabeculae. For a CT none of these is added.
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
		gas, net, fatty, dense, amount, marrow = raster.Plane{}, raster.Plane{}, 0, 1, 0, xray.Marrow()
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

func (s *Sheet) gas() raster.Plane {
	if !s.trunk || s.d.Chance(.5) {
		return raster.Plane{}
	}
	least, a := float32(s.d.Uni(.5, 1.5)), float32(s.d.Uni(0, 40))
	return s.noiseMap(s.d.Uni(8, 30)).Each(func(x float32) float32 { return a * raster.Clamp(x-least, 0, 1.5) })
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
