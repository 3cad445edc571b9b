// Package view defines a view: a body part seen from some direction, as maps of the path
// lengths of rays through skin, bone and marrow. Packages body and ct make views, package
// radiograph makes pictures of them. It also defines the body parts and how they are viewed.
package view

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
)

// View contains path lengths (mm) on square maps, 0 where a ray meets nothing.
type View struct {
	Part               string // body_part of the data set
	Side               string // "left", "right", "both" or "" if unknown
	Camera             space.Camera
	Skin, Bone, Marrow raster.Plane // Skin: through the whole body; lungs count as muscle of the same mass
	Air                raster.Plane // in the body: what lungs and gas lack to muscle, mm; empty if not known
	Outside            raster.Plane // 1 where the path beyond the scanned volume is unknown; empty in most views
	Pixel              float64      // mm at the plane that the camera looks at; smaller than the camera's for a child
	Child              bool         // with growth plates, and scaled down
}

// MapSize is the side of the maps from which samples are drawn, in pixels.
const MapSize = 288

// Unknown reports whether one of the four map pixels around (x, y) is beyond what was scanned.
func (v View) Unknown(x, y float64) bool {
	n := v.Outside.W
	if n == 0 {
		return false
	}
	j := int(min(max(y, 0), float64(n)-1.001))*n + int(min(max(x, 0), float64(n)-1.001))
	o := v.Outside.V
	return o[j]+o[j+1]+o[j+n]+o[j+n+1] > 0
}

// Paths are the path lengths of one ray in mm, as in View.
type Paths struct{ Skin, Bone, Marrow, Air float32 }

// At interpolates the path lengths bilinearly at a point of the maps.
func (v View) At(x, y float64) Paths {
	n := v.Skin.W
	x, y = min(max(x, 0), float64(n)-1.001), min(max(y, 0), float64(n)-1.001)
	j := int(y)*n + int(x)
	fx, fy := float32(x-math.Floor(x)), float32(y-math.Floor(y))
	of := func(m raster.Plane) float32 {
		if m.W == 0 {
			return 0
		}
		return raster.Mix(m.V[j], m.V[j+1], m.V[j+n], m.V[j+n+1], fx, fy)
	}
	return Paths{of(v.Skin), of(v.Bone), of(v.Marrow), of(v.Air)}
}

// Projections are the shares of views from the front or back, and from a side; the others are
// oblique, by up to Oblique degrees from front or back. Tilted is the share that is turned by any
// angle in the picture, and Reversed the share of the others that is upside down. Spread is the
// standard deviation of all angles in degrees.
type Projections struct{ Frontal, Lateral, Oblique, Tilted, Reversed, Spread float64 }

// Projections of limbs, and of trunk and head, which are positioned more carefully, and mostly
// radiographed upright and from the front; abdomen, pelvis and hip never quite from a side, where
// 400 mm of body hide the bones.
var (
	ofLimbs  = Projections{.35, .30, 90, .15, .5, 8}
	ofTrunk  = Projections{.70, .24, 90, .02, .1, 5}
	ofPelvis = Projections{.85, 0, 50, .02, .1, 5}
)

// ProjectionsOf returns how a body part of the data set is viewed.
func ProjectionsOf(part string) Projections {
	if p, is := trunk[part]; is {
		return p
	}
	return ofLimbs
}

// Aimed returns a camera's Right, Up and Dir, around an axis that is vertical in the picture
// except for a roll. e1, e2 and axis are orthonormal, e1 to the front.
func (p Projections) Aimed(d random.Dice, e1, e2, axis space.Vec) (u, up, dir space.Vec) {
	az, el := p.azimuth(d), min(max(d.Gauss(0, p.Spread*9/8), -30), 30)*math.Pi/180
	dir = e1.Mul(math.Cos(az)).Add(e2.Mul(math.Sin(az))).Mul(math.Cos(el)).Add(axis.Mul(math.Sin(el)))
	up = axis.Sub(dir.Mul(axis.Dot(dir))).Unit()
	u = up.Cross(dir)
	s, k := math.Sincos(p.roll(d))
	return u.Mul(k).Add(up.Mul(s)), up.Mul(k).Sub(u.Mul(s)), dir
}

func (p Projections) azimuth(d random.Dice) float64 {
	a := d.Uni(0, 360)
	front := 180 * math.Round(a/180)
	a = front + (a-front)*p.Oblique/90
	switch x := d.Float64(); {
	case x < p.Frontal:
		a = d.Pick(0, 180)
	case x < p.Frontal+p.Lateral:
		a = d.Pick(90, 270)
	}
	return (a + d.Gauss(0, p.Spread)) * math.Pi / 180
}

func (p Projections) roll(d random.Dice) float64 {
	if d.Chance(p.Tilted) {
		return d.Uni(0, 2*math.Pi)
	}
	turn := 0.0
	if d.Chance(p.Reversed) {
		turn = 180
	}
	return (d.Gauss(0, p.Spread) + turn) * math.Pi / 180
}
