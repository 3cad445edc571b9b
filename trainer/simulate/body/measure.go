package body

import (
	"math"
	"regexp"
	"slices"
	"sync"

	"dicomnode/trainer/simulate/space"
)

var (
	armSegments  = regexp.MustCompile(`^(radius|ulna|humerus|carpal|f\d.|mc\d)$`)
	legSegments  = regexp.MustCompile(`^(femur|tibia|fibula|patella|tarsal|t\d.|mt\d)$`)
	longSegments = regexp.MustCompile(`^(radius|ulna|humerus|femur|tibia|fibula|clavicle|f\d.|t\d.|mc\d|mt\d)$`)
)

// prepare computes what all views need and none changes.
func (b *Body) prepare() {
	for i := range b.bones {
		o := &b.bones[i]
		switch {
		case armSegments.MatchString(o.segment) && o.side != "":
			o.limb = "arm" + o.side[:1]
		case legSegments.MatchString(o.segment) && o.side != "":
			o.limb = "leg" + o.side[:1]
		default:
			o.limb = "trunk"
		}
		o.long = longSegments.MatchString(o.segment)
		c, u := space.Centre(o.Points), space.LongAxis(o.Points)
		lo, hi := space.Extent(o.Points, c, u)
		o.length, o.along = hi-lo, make([]float64, len(o.Points))
		for j, p := range o.Points {
			o.along[j] = (p.Sub(c).Dot(u) - lo) / (o.length + 1e-9)
		}
	}
	b.measure()
	b.limbOf = make([]string, len(b.skin.Points))
	for j := range b.skin.Points {
		k := 0
		for i := range b.bones {
			if b.nearest[i][j] < b.nearest[k][j] {
				k = i
			}
		}
		b.limbOf[j] = b.bones[k].limb
	}
	b.lungs = b.makeLungs()
	b.regions = b.usableRegions()
}

// measure computes radius and nearest, with one goroutine per bone.
func (b *Body) measure() {
	b.nearest = make([][]float32, len(b.bones))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 4)
	for i := range b.bones {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			b.bones[i].radius = inscribed(b.bones[i].Mesh)
			b.nearest[i] = distances(b.skin.Points, b.bones[i].Points)
		})
	}
	wg.Wait()
}

// inscribed returns, for each point of the mesh, the radius of the largest sphere inside it
// that touches the point, 0.2 to 40 mm. It tests at most about 1200 other points.
func inscribed(m space.Mesh) []float64 {
	n, r := m.Normals(), make([]float64, len(m.Points))
	step := max(1, len(m.Points)/1200)
	for i, p := range m.Points {
		r[i] = 40
		for j := 0; j < len(m.Points); j += step {
			d := m.Points[j].Sub(p)
			if in := -d.Dot(n[i]); in > 1e-3 {
				r[i] = min(r[i], d.Dot(d)/(2*in))
			}
		}
		r[i] = max(r[i], .2)
	}
	return r
}

// distances returns the distance in mm from each point to the nearest of the others. The others
// are grouped into runs with bounding boxes, most of which need no search. The distance to a
// box is rounded like that to a point, so it is never greater than that of the points inside.
func distances(from, to []space.Vec) []float32 {
	const run = 32
	var boxes []box
	for i := 0; i < len(to); i += run {
		boxes = append(boxes, boxOf(to[i:min(i+run, len(to))]))
	}
	nearest := 0 // index of the nearest run, usually the same for the next point
	out := make([]float32, len(from))
	for i, p := range from {
		best, first := math.Inf(1), nearest
		for k := range boxes {
			k = (k + first) % len(boxes)
			if boxes[k].away(p) >= best {
				continue
			}
			for _, q := range to[k*run : min((k+1)*run, len(to))] {
				dx, dy, dz := q[0]-p[0], q[1]-p[1], q[2]-p[2]
				if d := dx*dx + dy*dy + dz*dz; d < best {
					best, nearest = d, k
				}
			}
		}
		out[i] = float32(math.Sqrt(best))
	}
	return out
}

// box is the axis-aligned bounding box of points.
type box struct{ lo, hi space.Vec }

func boxOf(p []space.Vec) box {
	b := box{p[0], p[0]}
	for _, q := range p {
		for k := range 3 {
			b.lo[k], b.hi[k] = min(b.lo[k], q[k]), max(b.hi[k], q[k])
		}
	}
	return b
}

// away returns the squared distance of p from the box, 0 inside.
func (b box) away(p space.Vec) float64 {
	dx, dy, dz := max(b.lo[0]-p[0], p[0]-b.hi[0], 0), max(b.lo[1]-p[1], p[1]-b.hi[1], 0), max(b.lo[2]-p[2], p[2]-b.hi[2], 0)
	return dx*dx + dy*dy + dz*dz
}

// contact returns the mean midpoint of the closest two per cent of va and their neighbours in
// vb.
func contact(va, vb []space.Vec) space.Vec {
	type pair struct {
		d   float64
		mid space.Vec
	}
	pairs := make([]pair, len(va))
	for i, p := range va {
		pairs[i].d = math.Inf(1)
		for _, q := range vb {
			dx, dy, dz := q[0]-p[0], q[1]-p[1], q[2]-p[2]
			if d := dx*dx + dy*dy + dz*dz; d < pairs[i].d {
				pairs[i] = pair{d, p.Add(q).Mul(.5)}
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.d < b.d:
			return -1
		case a.d > b.d:
			return 1
		}
		return 0
	})
	mids := make([]space.Vec, 0, 64)
	for _, p := range pairs[:min(len(pairs), max(5, len(pairs)/50))] {
		mids = append(mids, p.mid)
	}
	return space.Centre(mids)
}
