package simulate

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
