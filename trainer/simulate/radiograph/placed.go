package radiograph

import (
	"math"

	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// Placement is the position and orientation of the body in a picture.
type Placement struct {
	Mm          float64   // of a pixel at the plane that the camera looks at, the geometric mean of both directions
	Row, Column space.Vec // directions of rows (to the right) and columns (downwards) in the body's frame
	Mirrored    bool      // the picture shows a mirror image of the view's body: right is left
}

// locate returns the Placement of a picture that samples the view's maps with zoom z, rotated
// by th, sheared and perhaps flipped (−1). It ignores elastic deformation, which changes
// lengths by a few per cent and by nothing on average.
func (s *Sheet) locate(v view.View, z [2]float64, th, shear, flip float64) Placement {
	sin, cos := math.Sincos(th)
	onMap := func(x, y float64) space.Vec { return v.Camera.Right.Mul(x).Sub(v.Camera.Up.Mul(y)) }
	p := Placement{Row: onMap(cos*flip, sin*flip), Column: onMap(shear-sin, cos), Mirrored: flip < 0}
	if p.Mirrored {
		p.Row[0], p.Column[0] = -p.Row[0], -p.Column[0]
	}
	area := z[0] * z[1] * math.Abs(1-shear*sin)
	p.Mm = v.Pixel * view.MapSize / float64(max(s.w, s.h)) * math.Sqrt(area)
	return p
}
