// Package radiograph makes a radiograph and its labels from a view: warping, the X-ray tube,
// attenuation, objects around, on and in the patient, scatter, collimator, detector, the image
// processing of many vendors, and frames. It does not know whether the view is of a surface
// model or a CT, and writes no files.
package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
	"dicomnode/trainer/simulate/xray"
)

// Sheet is one radiograph, which is complete when New returns it. path is the attenuation
// integral and later pic the image. unit is a 200th of the longer side in pixels; all sizes on
// the detector are multiples of it.
type Sheet struct {
	d                  random.Dice
	part               string // body part of the data set
	w, h               int
	unit               float64
	skin, bone, marrow raster.Plane
	air                raster.Plane // what lungs and gas lack to muscle, mm; empty if not known
	path, pic          raster.Plane
	label              []uint8
	body, outside      []bool    // outside: beyond the thickness map or the scan
	unmapped           []bool    // beyond the thickness map
	beam               []bool    // not shadowed by the collimator
	bandaged           []bool    // of a cast, outside the skin
	covered            []bool    // by a strip, padding or a frame: excluded from the exposed field
	twins              *blade    // the line between two exposures on one plate; nil for a single exposure
	shade              []float32 // collimator transmission; nil if wide open
	thick, trunk       bool
	scanned            bool    // the view is of a CT
	span, dist         float64 // mm of the longer side; mm from the focal spot to the body
	rays               *xray.Beam
	harder             float32    // relative increase of a quantum's signal behind an attenuation integral of 1
	Placed             Placement  // position of the body in the picture
	LinearTone         bool       // the picture's values are proportional to the signal
	ends               [2]float32 // of the window: the grey levels of full black and white
	burn               *writing   // burned-in text; nil for none
	steel              []bool     // metal over bone or soft tissue; nil if there is none
}

// mostDrafts are drawn anew of a view in which bone and soft tissue do not show.
const mostDrafts = 20

// New makes a radiograph of a view: geometry, physics, processing, labels. Its longer side has
// size pixels. The same dice give the same picture. If bone shows in none of the drafts, it is the
// one in which most of its borders do.
func New(v view.View, d random.Dice, size int) *Sheet {
	var best *Sheet
	most := -1.0
	for range 1 + mostDrafts {
		s := draft(v, d, size)
		if s.shows() {
			return s
		}
		if x := s.contrast(atBorder).visible; x > most {
			best, most = s, x
		}
	}
	return best
}

// shows reports whether bone can be distinguished from soft tissue and soft tissue from air. An
// exposure without this would be neither kept nor labelled.
func (s *Sheet) shows() bool {
	var sum, n [3]float64
	lo, hi := s.pic.Bounds()
	for i, l := range s.label {
		if l <= dataset.Bone {
			sum[l] += float64((s.pic.V[i] - lo) / (hi - lo + 1e-6))
			n[l]++
		}
	}
	apart := func(a, b int, least float64) bool {
		return n[a] < 50 || n[b] < 50 || sum[a]/n[a]-sum[b]/n[b] > least
	}
	least := .07
	if s.trunk { // where bones of both sides and much tissue overlap
		least = .02
	}
	return apart(dataset.SoftTissue, dataset.Bone, least) && apart(dataset.OpenBeam, dataset.SoftTissue, .05) && n[dataset.Bone] > 50 &&
		(!s.trunk || s.legible())
}

// contrast is how well bone shows: the mean difference of soft tissue and bone nearby, in grey levels
// and as a share of the picture's range, the share of places where they differ visibly, and how many
// places were compared.
type contrast struct {
	mean, relative, visible float64
	n                       int
}

// How far from each other soft tissue and bone are compared, in units.
const (
	atBorder = 2
	nearby   = 6
)

// leastVisible is the share of the borders of bone that a picture of the trunk shows.
const leastVisible = .65

// legible reports whether the borders of bone can be seen in a picture of the trunk: on average
// soft tissue is brighter than bone nearby by 3.5 % of the range, and by the noise, and most of the
// border shows where bone and soft tissue meet. The average alone would take the slope of a body
// that gets thicker for contrast.
func (s *Sheet) legible() bool {
	c := s.contrast(nearby)
	return c.n < 50 || c.relative > .035 && c.mean > s.roughness() && s.contrast(atBorder).visible >= leastVisible
}

// contrast compares soft tissue and bone within reach units of each other. They differ visibly by 1 %
// of the range and a third of the noise, which the eye averages.
func (s *Sheet) contrast(reach float64) contrast {
	var sum, share [2]raster.Plane // of soft tissue and bone
	for k := range sum {
		sum[k], share[k] = raster.New(s.w, s.h), raster.New(s.w, s.h)
		for i, l := range s.label {
			if l == dataset.SoftTissue+uint8(k) {
				sum[k].V[i], share[k].V[i] = s.pic.V[i], 1
			}
		}
		sum[k], share[k] = s.blur(sum[k], reach), s.blur(share[k], reach)
	}
	lo, hi := s.pic.Bounds()
	least := max(.01*float64(hi-lo), s.roughness()/3)
	var c contrast
	for i, l := range s.label {
		soft, bone := share[0].V[i], share[1].V[i]
		if l > dataset.Bone || min(soft, bone) <= .15 {
			continue
		}
		d := float64(sum[0].V[i]/soft - sum[1].V[i]/bone)
		if c.mean += d; d > least {
			c.visible++
		}
		c.n++
	}
	n := float64(max(c.n, 1))
	c.mean, c.visible = c.mean/n, c.visible/n
	c.relative = c.mean / (float64(hi-lo) + 1e-6)
	return c
}

// roughness returns the standard deviation in soft tissue and bone of what is finer than a unit.
func (s *Sheet) roughness() float64 {
	smooth, sum, n := s.blur(s.pic, 1), 0.0, 0.0
	for i, l := range s.label {
		if l == dataset.SoftTissue || l == dataset.Bone {
			e := float64(s.pic.V[i] - smooth.V[i])
			sum, n = sum+e*e, n+1
		}
	}
	return math.Sqrt(sum / max(n, 1))
}

func draft(v view.View, d random.Dice, size int) *Sheet {
	s := newSheet(d, size)
	s.part, s.trunk, s.scanned = v.Part, view.IsTrunk(v.Part), v.Outside.W > 0
	for range 20 {
		s.warp(v)
		if raster.Share(s.skin, 1) > .04 && raster.Share(s.bone, leastBone) > .01 {
			break
		}
	}
	s.opacify()
	s.mineralise()
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
			s.label[i] = dataset.Ignore
		}
	}
	return s
}

// newSheet chooses the format: square, or one side 0.55 to 0.95 of the other.
func newSheet(d random.Dice, size int) *Sheet {
	s := &Sheet{d: d, w: size, h: size, unit: float64(size) / 200}
	short := int(float64(size) * d.Uni(.55, .95))
	switch x := d.Float64(); {
	case x < .45:
		s.w = short
	case x < .75:
		s.h = short
	}
	s.label, s.covered = make([]uint8, s.w*s.h), make([]bool, s.w*s.h)
	return s
}

func (s *Sheet) noiseMap(size float64) raster.Plane              { return raster.Noise(s.d, s.w, s.h, size*s.unit) }
func (s *Sheet) blur(p raster.Plane, sigma float64) raster.Plane { return p.Blur(sigma * s.unit) }

// at returns pixel i in coordinates of −1..1 over the longer side.
func (s *Sheet) at(i int) (x, y float64) {
	r := float64(max(s.w, s.h)) / 2
	return (float64(i%s.w) - float64(s.w)/2) / r, (float64(i/s.w) - float64(s.h)/2) / r
}

// warp samples the maps with random zoom, aspect ratio (anatomy varies), rotation, shear,
// mirroring, shift and elastic deformation.
func (s *Sheet) warp(v view.View) {
	d := s.d
	least, stretch, bend := .64, .14, .07
	if s.trunk { // a CT is stretched before it is projected
		least, stretch, bend = .9, .06, .035
	}
	z, an := d.Uni(least, 1.08), math.Exp(d.Gauss(0, stretch))
	sx, sy := min(z*an, 1.2), min(z/an, 1.2)
	th := d.Gauss(0, .2)
	if s.trunk {
		th /= 4
	}
	if d.Chance(.3) && (!s.trunk || d.Chance(.05)) {
		th = d.Uni(0, 2*math.Pi)
	}
	sin, cos := math.Sincos(th)
	shear := d.Gauss(0, .04)
	flip := d.Pick(-1, 1)
	s.Placed = s.locate(v, [2]float64{sx, sy}, th, shear, flip)
	s.span, s.dist = s.Placed.Mm*float64(max(s.w, s.h)), v.Camera.Distance
	n := float64(view.MapSize)
	tx, ty := d.Uni(-1, 1)*max(0, 1-sx)*n*.4, d.Uni(-1, 1)*max(0, 1-sy)*n*.4
	var ex, ey raster.Plane
	if d.Chance(.6) {
		g := d.Uni(25, 80)
		a := float32(g * d.Uni(.02, bend)) // more would bend straight bones into waves
		mulBy := func(x float32) float32 { return x * a }
		ex, ey = s.noiseMap(g).Each(mulBy), s.noiseMap(g).Each(mulBy)
	}
	s.skin, s.bone, s.marrow = raster.New(s.w, s.h), raster.New(s.w, s.h), raster.New(s.w, s.h)
	if s.air = (raster.Plane{}); v.Air.W > 0 {
		s.air = raster.New(s.w, s.h)
	}
	s.outside, s.unmapped = make([]bool, s.w*s.h), make([]bool, s.w*s.h)
	for i := range s.outside {
		x, y := s.at(i)
		x, y = x*n/2*sx*flip, y*n/2*sy
		px, py := cos*x-sin*y+shear*y+tx+n/2, sin*x+cos*y+ty+n/2
		s.unmapped[i] = px < 0 || py < 0 || px > n-1 || py > n-1
		if ex.V != nil {
			px, py = px+float64(ex.V[i]), py+float64(ey.V[i])
		}
		s.outside[i] = s.unmapped[i] || v.Unknown(px, py)
		t := v.At(px, py)
		s.skin.V[i], s.bone.V[i], s.marrow.V[i] = t.Skin, t.Bone, t.Marrow
		if s.air.W > 0 {
			s.air.V[i] = t.Air
		}
	}
}
