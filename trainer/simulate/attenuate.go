package simulate

import "dicomnode/trainer/simulate/xray"

// attenuate turns millimetres of tissue into the attenuation integral −ln(signal) of the sample's X-ray tube, beam
// hardening included.
func (s *sheet) attenuate() {
	b := xray.NewBeam(s.source())
	s.rays, s.harder = b, float32(b.Hardening())
	soft, bone := s.tissues()
	l0, h0 := soft.bounds()
	l1, h1 := bone.bounds()
	a := b.Absorber([2]float32{l0, l1}, [2]float32{h0, h1})
	for i, t := range soft.v {
		soft.v[i] = a.At(t, bone.v[i])
	}
	s.path = soft
}

// tissues is the body as mm of muscle and of cortical bone: soft tissue is muscle with texture, up to 80 mm of it
// mixed with fat, and gas in the bowel; bone is cortex around marrow and trabeculae.
func (s *sheet) tissues() (soft, bone plane) {
	d := s.d
	fat := xray.Fat()
	marrow, trabeculae := s.spongiosa()
	dense := float32(d.uni(.82, 1.04)) // cortex loses mineral with age
	layer, fatty := float32(d.uni(0, 80)), float32(d.uni(0, 1))
	size := float32(1)
	if d.chance(.3) {
		size = exp32(float32(d.gauss(0, .25)))
	}
	texture, amount := s.noiseMap(d.uni(8, 40)), float32(d.uni(0, .08))
	net := s.trabeculae()
	gas := s.gas()
	soft, bone = newPlane(s.w, s.h), newPlane(s.w, s.h)
	for i, t := range s.bone.v {
		flesh := max(s.skin.v[i]*size-t, 0)
		f := fatty * min(flesh, layer)
		flesh = (flesh - f) * (1 + amount*texture.v[i])
		if gas.v != nil {
			flesh = max(flesh-gas.v[i], min(flesh, 8))
		}
		in := min(s.marrow.v[i], t)
		soft.v[i] = flesh + f*float32(fat.Muscle) + in*float32(marrow.Muscle)
		bone.v[i] = (t-in)*dense + f*float32(fat.Cortical) + in*float32(marrow.Cortical)
		if net.v != nil {
			bone.v[i] += in * clamp(net.v[i], -.8, 2) * trabeculae
		}
	}
	return soft, bone
}

// source follows technique charts: 1 to 2 kV more per cm of body, from 50-odd for a hand, 100 to 120 kV for the chest.
func (s *sheet) source() xray.Tube {
	d := s.d
	t := xray.Tube{KV: min(max(52+1.6*s.thickness()+d.gauss(0, 6), 45), 100), Aluminium: d.uni(2.5, 4)}
	if s.chest && s.thickness() > 12 && d.chance(.75) {
		t.KV = d.uni(100, 120)
	}
	if d.chance(.25) {
		t.Copper = d.pick(.1, .1, .2)
	}
	return t
}

// spongiosa is the inside of a bone: marrow with a share of 8 to 52 % of trabeculae, which is returned too.
func (s *sheet) spongiosa() (xray.Mixture, float32) {
	p, share := xray.Marrow(), s.d.uni(.08, .52)
	return xray.Mixture{Muscle: (1 - share) * p.Muscle, Cortical: (1-share)*p.Cortical + share}, float32(share)
}

// trabeculae is a fine net of two scales, drawn out along a random direction by differencing.
func (s *sheet) trabeculae() plane {
	if s.d.chance(.4) {
		return plane{}
	}
	a := float32(s.d.uni(.02, .12))
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
