package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/radiograph/letters"
	"dicomnode/trainer/simulate/xray"
)

// marker adds lead letters and plates on the detector to 30 % of the images and a ruler to 2 %,
// and burned-in text to 18 %. Covered pixels are not scored.
func (s *Sheet) marker() {
	d := s.d
	if d.Chance(.3) {
		for range 1 + d.IntN(1+d.IntN(3)) {
			s.lead()
		}
	}
	if d.Chance(.1) {
		s.burnMarker()
	}
	if d.Chance(.06) {
		s.burnLines()
	}
	if d.Chance(.03) {
		s.identification()
	}
	if d.Chance(.02) {
		s.ruler()
	}
}

// leadShapes are the forms of a marker around its letter, with their weights: what each adds to
// the coverage of a word. room is the size relative to the word. x and y are −1…1 within the
// marker; plate is the density of its base.
var leadShapes = []struct {
	weight float64
	room   float64
	base   func(x, y, plate float64) (cover float64, cut bool)
}{
	{42, 1, func(x, y, plate float64) (float64, bool) { return 0, false }},
	{14, 1.9, func(x, y, _ float64) (float64, bool) { // a ring
		return inside(math.Abs(math.Hypot(x, y)-.9) < .06), false
	}},
	{24, 1.5, func(x, y, plate float64) (float64, bool) { return plate, false }}, // on plastic
	{8, 1.8, func(x, y, _ float64) (float64, bool) { return inside(math.Hypot(x, y) < .97), true }},
	{6, 1.4, func(x, y, _ float64) (float64, bool) { return 1, true }}, // cut out of a plate
	{6, 2, func(x, y, _ float64) (float64, bool) { // a disc with holes
		h := math.Hypot(math.Abs(x)-.5, math.Abs(y)-.5) < .15
		return inside(math.Hypot(x, y) < .97 && !h), true
	}},
}

func inside(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// lead draws one lead marker at a random angle, sometimes seen from behind.
func (s *Sheet) lead() {
	d := s.d
	k := d.Choose(len(leadShapes), func(k int) float64 { return leadShapes[k].weight })
	stamp := s.shaped(k)
	if d.Chance(.12) { // a ball or a dot without a letter
		stamp = disc(max(4, int(d.Uni(3, 9)*s.unit)))
	}
	turn := d.Gauss(0, .12)
	if d.Chance(.3) {
		turn = d.Uni(-math.Pi, math.Pi)
	}
	cover := s.place(stamp, turn, d.Chance(.3))
	density := float32(d.Uni(.1, 1) * s.rays.Coefficient(xray.Lead))
	for i, q := range cover.V {
		s.path.V[i] += q * density
		if q > .01 {
			s.label[i] = dataset.Ignore
		}
	}
}

func disc(n int) raster.Plane {
	p := raster.New(n, n)
	for i := range p.V {
		r := math.Hypot(float64(i%n)-float64(n-1)/2, float64(i/n)-float64(n-1)/2)
		p.V[i] = raster.Clamp(float32(float64(n)/2-r), 0, 1)
	}
	return p
}

// shaped returns a word in form k of leadShapes.
func (s *Sheet) shaped(k int) raster.Plane {
	d, f := s.d, leadShapes[k]
	text := letters.Write(letters.Word(d), d.IntN(2), d.Uni(7, 17)*s.unit/math.Sqrt(f.room))
	w, h := int(float64(text.W)*f.room)+2, int(float64(text.H)*f.room)+2
	if f.room > 1.5 { // a round form
		w = max(w, h)
		h = w
	}
	out, plate := raster.New(w, h), d.Uni(.02, .35)
	for i := range out.V {
		x, y := i%w-(w-text.W)/2, i/w-(h-text.H)/2
		q := float32(0)
		if x >= 0 && y >= 0 && x < text.W && y < text.H {
			q = text.V[y*text.W+x]
		}
		base, cut := f.base(2*float64(i%w)/float64(w-1)-1, 2*float64(i/w)/float64(h-1)-1, plate)
		if out.V[i] = max(q, float32(base)); cut {
			out.V[i] = float32(base) * (1 - q)
		}
	}
	return out
}

// place draws a rotated stamp, usually where it covers little of the body, and returns its
// coverage of the picture.
func (s *Sheet) place(stamp raster.Plane, turn float64, mirrored bool) raster.Plane {
	d := s.d
	best, x, y := math.Inf(1), 0., 0.
	for range int(d.Pick(1, 6, 6)) {
		px, py := d.Uni(.02, .98)*float64(s.w), d.Uni(.02, .98)*float64(s.h)
		if hidden := s.bodyAround(px, py, float64(max(stamp.W, stamp.H))/2); hidden < best {
			best, x, y = hidden, px, py
		}
	}
	return s.stampAt(stamp, x, y, turn, mirrored)
}

// bodyAround returns the share of a square's pixels that are body.
func (s *Sheet) bodyAround(x, y, half float64) float64 {
	n, in := 0., 0.
	for v := max(0, int(y-half)); v < min(s.h, int(y+half)); v++ {
		for u := max(0, int(x-half)); u < min(s.w, int(x+half)); u++ {
			n++
			in += inside(s.body[v*s.w+u])
		}
	}
	return in / max(n, 1)
}

// stampAt draws a stamp centred at (x, y).
func (s *Sheet) stampAt(stamp raster.Plane, x, y, turn float64, mirrored bool) raster.Plane {
	out := raster.New(s.w, s.h)
	sin, cos := math.Sincos(turn)
	r := math.Hypot(float64(stamp.W), float64(stamp.H))/2 + 1
	for v := max(0, int(y-r)); v <= min(s.h-1, int(y+r)); v++ {
		for u := max(0, int(x-r)); u <= min(s.w-1, int(x+r)); u++ {
			dx, dy := float64(u)-x, float64(v)-y
			a, b := dx*cos+dy*sin, dy*cos-dx*sin
			if mirrored {
				a = -a
			}
			out.V[v*s.w+u] = stamp.Sample(a+float64(stamp.W-1)/2, b+float64(stamp.H-1)/2)
		}
	}
	return out
}

// writing is burned-in text in the finished picture: its coverage of each pixel, and its
// brightness between the picture's darkest and brightest grey.
type writing struct {
	cover, ink raster.Plane
	stamps     []Stamp
}

// Stamp is a piece of burned-in text: a line of text, a side marker or a box.
type Stamp struct {
	Kind                     string // "line", "marker", "identification" (a filled box) or "identification text"
	Left, Top, Width, Height int    // bounding box in pixels
	// Cover is the coverage of each pixel of the bounding box, 0 to 1, row by row: the exact
	// mask.
	Cover []float32
}

// Stamps returns what was burned into the picture, in the order of drawing.
func (s *Sheet) Stamps() []Stamp {
	if s.burn == nil {
		return nil
	}
	return s.burn.stamps
}

// touched returns the Stamp of the pixels that cover covers.
func touched(kind string, cover raster.Plane) Stamp {
	left, top, right, bottom := cover.W, cover.H, 0, 0
	for i, q := range cover.V {
		if q > 0 {
			x, y := i%cover.W, i/cover.W
			left, top, right, bottom = min(left, x), min(top, y), max(right, x+1), max(bottom, y+1)
		}
	}
	out := Stamp{Kind: kind, Left: left, Top: top, Width: max(right-left, 0), Height: max(bottom-top, 0)}
	for y := range out.Height {
		out.Cover = append(out.Cover, cover.V[(top+y)*cover.W+left:][:out.Width]...)
	}
	return out
}

func (s *Sheet) burned() *writing {
	if s.burn == nil {
		s.burn = &writing{cover: raster.New(s.w, s.h), ink: raster.New(s.w, s.h)}
	}
	return s.burn
}

// burnIn draws a stamp at (x, y) with a grey level; the covered pixels are not scored.
func (s *Sheet) burnIn(kind string, stamp raster.Plane, x, y float64, ink float32) {
	b := s.burned()
	cover := s.stampAt(stamp, x, y, 0, false)
	b.stamps = append(b.stamps, touched(kind, cover))
	for i, q := range cover.V {
		if q > 0 {
			b.ink.V[i] = (b.ink.V[i]*b.cover.V[i]*(1-q) + ink*q) / (b.cover.V[i]*(1-q) + q)
			b.cover.V[i] = q + b.cover.V[i]*(1-q)
			s.label[i] = dataset.Ignore
		}
	}
}

// ink returns the grey level of burned-in text: that of bone in seven of ten cases.
func (s *Sheet) ink() float32 { return float32(s.d.Pick(0, 0, 0, 0, 0, 0, 0, 1, 1, 1)) }

// burnMarker draws a side or a projection, sometimes in a ring, on a box.
func (s *Sheet) burnMarker() {
	d, ink := s.d, s.ink()
	stamp := s.shaped(d.IntN(2))
	x, y := float64(d.Between(stamp.W/2+1, max(stamp.W/2+2, s.w-stamp.W/2))), float64(d.Between(stamp.H/2+1, max(stamp.H/2+2, s.h-stamp.H/2)))
	if d.Chance(.25) {
		s.burnIn("marker", raster.New(stamp.W+4, stamp.H+4).Each(func(float32) float32 { return 1 }), x, y, 1-ink)
	}
	s.burnIn("marker", stamp, x, y, ink)
}

// burnLines draws lines of random text in one to four corners.
func (s *Sheet) burnLines() {
	d, ink, height := s.d, s.ink(), s.d.Uni(3.5, 7)*s.unit
	typeface := d.Between(1, 3)
	for corner := range 4 {
		if !d.Chance(.5) && corner > 0 {
			continue
		}
		for line := range d.Between(1, 6) {
			text := letters.Write(letters.Jumble(d, d.Between(2, 9))+" "+letters.Jumble(d, d.Between(1, 8)), typeface, height)
			x, y := 2+float64(text.W)/2, 2+height*(.5+1.6*float64(line))
			if corner%2 == 1 {
				x = float64(s.w) - x
			}
			if corner > 1 {
				y = float64(s.h) - y
			}
			s.burnIn("line", text, x, y, ink)
		}
	}
}

// identification draws the box of a patient's name, blanked by a lead block or printed over.
func (s *Sheet) identification() {
	d, lead := s.d, s.d.Chance(.5)
	w, h := d.Uni(30, 80)*s.unit, d.Uni(12, 30)*s.unit
	if d.Chance(.3) {
		w, h = h, w
	}
	x, y := w/2+d.Pick(0, .02, 1)*max(float64(s.w)-w, 0), h/2+d.Pick(0, .02, 1)*max(float64(s.h)-h, 0)
	box := raster.New(int(w), int(h)).Each(func(float32) float32 { return 1 })
	ink := float32(d.Pick(0, 1, d.Float64()))
	if !lead {
		s.burnIn("identification", box, x, y, ink)
		for line := range d.Between(0, 4) {
			s.burnIn("identification text", letters.Write(letters.Jumble(d, d.Between(3, 8)), d.IntN(3), h/6), x, y-h/3+float64(line)*h/3.5, float32(inside(ink < .5)))
		}
		return
	}
	for i, q := range s.stampAt(box, x, y, d.Gauss(0, .02), false).V {
		s.path.V[i] += 7 * q
		if q > 0 {
			s.label[i] = dataset.Ignore
		}
	}
}

// ruler draws a strip of plastic with lead ticks and numbers, upright or horizontal.
func (s *Sheet) ruler() {
	d, u := s.d, s.unit
	g, across := newDrawing(s.w, s.h), d.Chance(.4)
	turn := d.Gauss(0, .03)
	if across {
		turn += math.Pi / 2
	}
	sin, cos := math.Sincos(turn)
	x, y := d.Uni(.05, .95)*float64(s.w), d.Uni(.05, .95)*float64(s.h)
	far, step, tick := d.Uni(30, 110)*u, d.Uni(2, 5)*u, d.Uni(2, 5)*u
	half := tick * d.Uni(1.2, 2.5)
	g.bar(x-far*-sin, y-far*cos, x+far*-sin, y+far*cos, half, .02)
	for k := -int(far / step); float64(k)*step <= far; k++ {
		t, long := float64(k)*step, tick
		if k%5 == 0 {
			long *= 1.7
		}
		px, py := x-t*sin, y+t*cos
		g.bar(px-half*cos, py-half*sin, px+(long-half)*cos, py+(long-half)*sin, max(.35*u, .5), 1)
	}
	s.lay(g, float32(d.Uni(.5, 4)))
}
