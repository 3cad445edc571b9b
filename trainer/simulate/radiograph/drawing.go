package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// drawing is an object in the beam: its thickness along the rays in pixels, and its coverage of
// each pixel.
type drawing struct{ thick, cover raster.Plane }

func newDrawing(w, h int) *drawing { return &drawing{raster.New(w, h), raster.New(w, h)} }

// rod draws a round bar. radius gives its radius at the position 0…1 along it.
func (g *drawing) rod(x0, y0, x1, y1 float64, radius func(t float64) float64) {
	g.stroke(x0, y0, x1, y1, radius, func(away, r float64) float64 { return 2 * math.Sqrt(max(r*r-away*away, .2*r*r)) })
}

// bar draws a flat bar of constant thickness.
func (g *drawing) bar(x0, y0, x1, y1, half, thick float64) {
	g.stroke(x0, y0, x1, y1, always(half), func(_, _ float64) float64 { return thick })
}

// wire draws a round bar through points.
func (g *drawing) wire(radius float64, xy ...float64) {
	part := g.part()
	for k := 0; k+3 < len(xy); k += 2 {
		part.rod(xy[k], xy[k+1], xy[k+2], xy[k+3], always(radius))
	}
	g.merge(part)
}

func always(r float64) func(float64) float64 { return func(float64) float64 { return r } }

// part returns a new drawing of a piece. Overlaps within it do not add up; merge adds it to g.
func (g *drawing) part() *drawing { return newDrawing(g.thick.W, g.thick.H) }

func (g *drawing) merge(p *drawing) {
	for i, t := range p.thick.V {
		g.thick.V[i] += t
		g.cover.V[i] = max(g.cover.V[i], p.cover.V[i])
	}
}

// stroke draws along a line with edges softened over one pixel.
func (g *drawing) stroke(x0, y0, x1, y1 float64, radius func(t float64) float64, thick func(away, r float64) float64) {
	dx, dy := x1-x0, y1-y0
	l2, most := max(dx*dx+dy*dy, 1e-9), 0.
	for k := range 33 {
		most = max(most, radius(float64(k)/32))
	}
	most = 1.3*most + 2
	p := g.thick
	for y := max(0, int(min(y0, y1)-most)); y <= min(p.H-1, int(max(y0, y1)+most)); y++ {
		for x := max(0, int(min(x0, x1)-most)); x <= min(p.W-1, int(max(x0, x1)+most)); x++ {
			fx, fy := float64(x), float64(y)
			t := min(max(((fx-x0)*dx+(fy-y0)*dy)/l2, 0), 1)
			r, away := max(radius(t), .35), math.Hypot(fx-x0-t*dx, fy-y0-t*dy)
			q := raster.Clamp(float32(r-away+.5), 0, 1)
			if i := y*p.W + x; q > 0 {
				p.V[i] = max(p.V[i], q*float32(thick(away, r)))
				g.cover.V[i] = max(g.cover.V[i], q)
			}
		}
	}
}

// punch removes a round hole.
func (g *drawing) punch(x, y, r float64) {
	for i := range g.cover.V {
		if q := raster.Clamp(float32(math.Hypot(float64(i%g.thick.W)-x, float64(i/g.thick.W)-y)-r+.5), 0, 1); q < 1 {
			g.thick.V[i] *= q
			g.cover.V[i] *= q
		}
	}
}
