package simulate

import "math"

// placed is how a picture shows the body.
type placed struct {
	mm          float64 // per pixel at the plane that the camera looks at, the geometric mean of both directions
	row, column vec     // where rows (to the right) and columns (downwards) go, in the body's frame
	mirrored    bool    // the body shown is the mirror image of the view's: right is left
}

// placed describes a picture that takes the view's maps with the zoom z, turned by th, sheared and perhaps flipped
// (−1). Elastic deformation changes lengths by some per cent on top of it, by nothing on average.
func (v view) placed(s *sheet, z [2]float64, th, shear, flip float64) placed {
	sin, cos := math.Sincos(th)
	onMap := func(x, y float64) vec { return v.cam.u.mul(x).sub(v.cam.up.mul(y)) }
	p := placed{row: onMap(cos*flip, sin*flip), column: onMap(shear-sin, cos), mirrored: flip < 0}
	if p.mirrored {
		p.row[0], p.column[0] = -p.row[0], -p.column[0]
	}
	area := z[0] * z[1] * math.Abs(1-shear*sin)
	p.mm = v.px * mapSize / float64(max(s.w, s.h)) * math.Sqrt(area)
	return p
}
