package field

import (
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Display Shutter (PS3.3 C.7.6.11) and X-Ray Collimator (C.8.7.3): the first elements of both
// in group 0018. The attributes of both are numbered alike.
const (
	shutterShape    = 0x1600
	collimatorShape = 0x1700
)

// blades are the attributes of one of both modules.
type blades struct {
	m     *decode.Image
	shape uint16
}

func (b blades) integers(element uint16) []int {
	return b.m.Integers(tag.Tag{Group: 0x0018, Element: b.shape + element})
}

// bladeShapes are the shapes of (0018,1600) and (0018,1700). Each returns a function that
// reports whether the 1-based row and column are inside, nil if its attributes are missing or
// malformed.
var bladeShapes = map[string]func(blades) func(row, column int) bool{
	"RECTANGULAR": blades.rectangular,
	"CIRCULAR":    blades.circular,
	"POLYGONAL":   blades.polygonal,
}

// rectangular: left, right, upper and lower edge (xx02, xx04, xx06, xx08) are outside; a
// missing edge is no limit.
func (b blades) rectangular() func(row, column int) bool {
	limit := [4]int{0, b.m.Columns + 1, 0, b.m.Rows + 1}
	found := false
	for k, element := range []uint16{2, 4, 6, 8} {
		if v := b.integers(element); len(v) == 1 {
			limit[k], found = v[0], true
		}
	}
	if !found {
		return nil
	}
	return func(row, column int) bool {
		return column > limit[0] && column < limit[1] && row > limit[2] && row < limit[3]
	}
}

// circular: centre (xx10) as row\column and radius (xx12) in pixels.
func (b blades) circular() func(row, column int) bool {
	centre, radius := b.integers(0x10), b.integers(0x12)
	if len(centre) != 2 || len(radius) != 1 || radius[0] < 1 {
		return nil
	}
	y, x, r := float64(centre[0]), float64(centre[1]), float64(radius[0])
	return func(row, column int) bool {
		dy, dx := float64(row)-y, float64(column)-x
		return dy*dy+dx*dx <= r*r
	}
}

// maxVertices is more than any collimator has; the cost of a polygon grows with them.
const maxVertices = 64

// polygonal: vertices (xx20) as row\column pairs, closed from the last to the first.
func (b blades) polygonal() func(row, column int) bool {
	v := b.integers(0x20)
	if len(v) < 6 || len(v)%2 != 0 || len(v) > 2*maxVertices {
		return nil
	}
	return func(row, column int) bool {
		in := false
		for i, j := 0, len(v)-2; i < len(v); i, j = i+2, i {
			y0, x0, y1, x1 := float64(v[j]), float64(v[j+1]), float64(v[i]), float64(v[i+1])
			y, x := float64(row), float64(column)
			if (y0 > y) != (y1 > y) && x < x0+(y-y0)/(y1-y0)*(x1-x0) {
				in = !in
			}
		}
		return in
	}
}

// byAttributes removes what is outside a shutter or collimator that the header states; of
// several shapes the intersection is used. A field that is implausibly small, or the whole
// frame, is ignored.
func byAttributes(field picture.Mask, m *decode.Image) bool {
	var shapes []func(row, column int) bool
	for _, b := range []blades{{m, shutterShape}, {m, collimatorShape}} {
		kinds, _ := m.Values(tag.Tag{Group: 0x0018, Element: b.shape}).([]string)
		for kind, shape := range bladeShapes {
			if slices.Contains(kinds, kind) {
				if in := shape(b); in != nil {
					shapes = append(shapes, in)
				}
			}
		}
	}
	if len(shapes) == 0 {
		return false
	}
	inside := make(picture.Mask, len(field))
	raster.Parallel(m.Rows, func(r int) {
		for k := range m.Columns {
			in := true
			for _, shape := range shapes {
				in = in && shape(r+1, k+1)
			}
			inside[r*m.Columns+k] = in
		}
	})
	kept := inside.Count()
	if float64(kept) < minField*float64(len(field)) || kept == len(field) {
		return false
	}
	copy(field, inside)
	return true
}
