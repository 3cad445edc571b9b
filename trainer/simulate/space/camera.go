package space

import (
	"math"

	"dicomnode/internal/raster"
)

// Camera is a point source and a flat detector through Centre. Right, Up and Dir are
// orthonormal; Dir points away from the source.
type Camera struct {
	Centre, Right, Up, Dir Vec     // Right and Up: direction of rows, and opposite of the direction of columns
	Distance               float64 // from the source to Centre, mm
	Pixel                  float64 // mm at the plane through Centre
	Side                   int     // the detector has Side×Side pixels
}

// project returns pixel coordinates and 1/(distance from the source along Dir).
func (k Camera) project(p Vec) (x, y, w float64) {
	q := p.Sub(k.Centre)
	w = 1 / math.Max(k.Distance+q.Dot(k.Dir), 1)
	m := k.Distance * w / k.Pixel
	// The offset keeps mesh points off pixel centres, where an edge would be counted twice.
	return q.Dot(k.Right)*m + float64(k.Side)/2 + .123, -q.Dot(k.Up)*m + float64(k.Side)/2 + .077, w
}

// Resize sets the detector to n×n pixels and keeps the field of view.
func (k *Camera) Resize(n int) { k.Pixel, k.Side = k.Pixel*float64(k.Side)/float64(n), n }

// canvas accumulates signed depth per pixel. After all faces of closed meshes are drawn, depth
// is the path length through them in mm and sign is 0. Where sign is not 0, the pixel met an
// edge.
type canvas struct {
	cam   Camera
	depth []float64
	sign  []int32
}

func newCanvas(cam Camera) *canvas {
	return &canvas{cam, make([]float64, cam.Side*cam.Side), make([]int32, cam.Side*cam.Side)}
}

type screenPoint struct{ x, y, w float64 }

func (c *canvas) draw(m Mesh) {
	s := make([]screenPoint, len(m.Points))
	for i, p := range m.Points {
		s[i].x, s[i].y, s[i].w = c.cam.project(p)
	}
	for _, f := range m.Faces {
		c.face(s[f[0]], s[f[1]], s[f[2]])
	}
}

// face adds ±depth inside one triangle. 1/depth is linear in the image, so it is interpolated
// and inverted, which makes the path length exact for planar faces.
func (c *canvas) face(a, b, d screenPoint) {
	area := (b.x-a.x)*(d.y-a.y) - (d.x-a.x)*(b.y-a.y)
	if math.Abs(area) < 1e-12 {
		return
	}
	n := c.cam.Side
	x0 := int(math.Ceil(max(min(a.x, b.x, d.x), 0)))
	x1 := int(math.Floor(min(max(a.x, b.x, d.x), float64(n-1))))
	y0 := int(math.Ceil(max(min(a.y, b.y, d.y), 0)))
	y1 := int(math.Floor(min(max(a.y, b.y, d.y), float64(n-1))))
	if area < 0 {
		b, d = d, b
	}
	inv, sign := 1/math.Abs(area), int32(1)
	if area < 0 {
		sign = -1
	}
	for y := y0; y <= y1; y++ {
		fy := float64(y)
		for x := x0; x <= x1; x++ {
			fx := float64(x)
			wa := (b.x-fx)*(d.y-fy) - (d.x-fx)*(b.y-fy)
			wb := (d.x-fx)*(a.y-fy) - (a.x-fx)*(d.y-fy)
			wd := (a.x-fx)*(b.y-fy) - (b.x-fx)*(a.y-fy)
			if wa < 0 || wb < 0 || wd < 0 {
				continue
			}
			z := 1 / ((wa*a.w + wb*b.w + wd*d.w) * inv)
			c.depth[y*n+x] += float64(sign) * z
			c.sign[y*n+x] += sign
		}
	}
}

// thickness returns path lengths along the rays in mm (depth is along dir). Pixels that met an
// edge get the mean of their valid neighbours.
func (c *canvas) thickness() raster.Plane {
	n := c.cam.Side
	out := raster.New(n, n)
	total := 0.0
	for i, d := range c.depth {
		if c.sign[i] == 0 {
			total += d
		}
	}
	if total < 0 {
		total = -1
	} else {
		total = 1
	}
	for i, d := range c.depth {
		if c.sign[i] == 0 && d*total > 0 {
			x := (float64(i%n) - float64(n)/2) * c.cam.Pixel / c.cam.Distance
			y := (float64(i/n) - float64(n)/2) * c.cam.Pixel / c.cam.Distance
			out.V[i] = float32(d * total * math.Sqrt(1+x*x+y*y))
		}
	}
	for i, s := range c.sign {
		if s != 0 {
			out.V[i] = c.mend(out, i)
		}
	}
	return out
}

func (c *canvas) mend(p raster.Plane, i int) float32 {
	sum, k := float32(0), float32(0)
	for dy := -2; dy <= 2; dy++ {
		for dx := -2; dx <= 2; dx++ {
			x, y := i%p.W+dx, i/p.W+dy
			if x >= 0 && y >= 0 && x < p.W && y < p.H && c.sign[y*p.W+x] == 0 {
				sum += p.V[y*p.W+x]
				k++
			}
		}
	}
	return sum / max(k, 1)
}

// Paths returns the path length (mm) through closed meshes for each pixel of a camera.
func Paths(cam Camera, m ...Mesh) raster.Plane {
	c := newCanvas(cam)
	for _, x := range m {
		c.draw(x)
	}
	return c.thickness()
}
