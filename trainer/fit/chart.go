package fit

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The drawing of a learning curve: two panels over one axis of epochs.
const (
	chartWidth, chartHeight = 800, 640
	panelLeft, panelRight   = 72, chartWidth - 24
	glyphWidth, glyphHeight = 7, 13 // of basicfont.Face7x13
)

var (
	ink     = color.RGBA{40, 40, 40, 255}
	faint   = color.RGBA{225, 225, 225, 255}
	marking = color.RGBA{150, 150, 150, 255}
	// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
	blue   = color.RGBA{0, 114, 178, 255}
	orange = color.RGBA{213, 94, 0, 255}
	green  = color.RGBA{0, 158, 115, 255}
	purple = color.RGBA{160, 90, 140, 255}
)

// series is one line of a panel.
type series struct {
	name   string
	colour color.RGBA
	at     func(Point) float64
}

// panel is one of the two plots, between two rows of the picture.
type panel struct {
	title       string
	top, bottom int
	lines       []series
	best        string // what the mark of the best parameters says
}

// drawCurve draws the learning curve as PNG; best is the step of the best
// parameters, 0 for none.
func drawCurve(curve []Point, best int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, chartWidth, chartHeight))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	loss := panel{title: "loss (cross-entropy, nats per pixel)", top: 44, bottom: 300, best: "best", lines: []series{
		{"training", blue, func(p Point) float64 { return p.Loss }},
		{"validation", orange, func(p Point) float64 { return float64(p.ValidationLoss) }}}}
	scores := panel{title: "validation scores", top: 350, bottom: 590, lines: []series{
		{"accuracy", orange, func(p Point) float64 { return float64(p.Accuracy) }},
		{"F1 of soft tissue", green, func(p Point) float64 { return float64(p.SoftF1) }},
		{"F1 of bone", purple, func(p Point) float64 { return float64(p.BoneF1) }}}}
	for _, p := range []panel{loss, scores} {
		p.draw(img, curve, best)
	}
	text(img, (panelLeft+panelRight)/2-len("epoch")*glyphWidth/2, chartHeight-10, "epoch", ink)
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

func (p panel) draw(img *image.RGBA, curve []Point, best int) {
	x := scale{to: 1, first: panelLeft, last: panelRight}
	if n := len(curve); n > 0 && curve[n-1].Epoch > 0 {
		x.to = curve[n-1].Epoch
	}
	y := p.span(curve)
	y.first, y.last = float64(p.bottom), float64(p.top)
	p.frame(img, x, y)
	for _, at := range curve {
		if at.Step == best {
			column := int(math.Round(x.at(at.Epoch)))
			dashes(img, column, p.top, p.bottom)
			text(img, min(column+4, panelRight-len(p.best)*glyphWidth), p.top+glyphHeight, p.best, ink)
		}
	}
	for _, s := range p.lines {
		plot(img, curve, s, x, y)
	}
}

// span is the range of the panel's values, a little wider so that lines stay off
// the frame.
func (p panel) span(curve []Point) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, at := range curve {
		for _, s := range p.lines {
			if v := s.at(at); !math.IsNaN(v) && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return scale{to: 1}
	}
	room := max(0.05*(high-low), 1e-6)
	return scale{from: max(0, low-room), to: high + room}
}

// frame draws title, key, ticks and grid.
func (p panel) frame(img *image.RGBA, x, y scale) {
	text(img, panelLeft, p.top-10, p.title, ink)
	right := panelRight
	for i := len(p.lines) - 1; i >= 0; i-- {
		right -= len(p.lines[i].name) * glyphWidth
		text(img, right, p.top-10, p.lines[i].name, p.lines[i].colour)
		right -= 2 * glyphWidth
	}
	for _, v := range y.ticks(5) {
		row := int(math.Round(y.at(v)))
		rectangle(img, panelLeft, row, panelRight, row+1, faint)
		label := number(v)
		text(img, panelLeft-6-len(label)*glyphWidth, row+4, label, ink)
	}
	for _, v := range x.ticks(8) {
		column := int(math.Round(x.at(v)))
		rectangle(img, column, p.bottom, column+1, p.bottom+5, ink)
		label := number(v)
		text(img, column-len(label)*glyphWidth/2, p.bottom+18, label, ink)
	}
	rectangle(img, panelLeft, p.top, panelLeft+1, p.bottom+1, ink)
	rectangle(img, panelLeft, p.bottom, panelRight, p.bottom+1, ink)
}

// plot draws one line, with a dot at each point when they are few. Undefined
// values leave a gap.
func plot(img *image.RGBA, curve []Point, s series, x, y scale) {
	var pen pen
	for _, at := range curve {
		v := s.at(at)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			pen.lift()
			continue
		}
		pen.to(x.at(at.Epoch), y.at(v))
		if len(curve) <= 60 {
			pen.dot()
		}
	}
	pen.ink(img, s.colour)
}

// pen gathers strokes.
type pen struct {
	down   bool
	x, y   float64
	shapes [][][2]float64
}

func (p *pen) lift() { p.down = false }

// to strokes from where the pen is, two pixels wide.
func (p *pen) to(x, y float64) {
	if d := math.Hypot(x-p.x, y-p.y); p.down && d > 0 {
		ox, oy := -(y-p.y)/d, (x-p.x)/d
		p.shapes = append(p.shapes, [][2]float64{{p.x + ox, p.y + oy}, {x + ox, y + oy}, {x - ox, y - oy}, {p.x - ox, p.y - oy}})
	}
	p.down, p.x, p.y = true, x, y
}

func (p *pen) dot() {
	var round [][2]float64
	for i := range 12 {
		sin, cos := math.Sincos(float64(i) * math.Pi / 6)
		round = append(round, [2]float64{p.x + 3*cos, p.y - 3*sin})
	}
	p.shapes = append(p.shapes, round)
}

// ink fills the shapes; all turn the same way round, so that overlaps add up.
func (p *pen) ink(img *image.RGBA, c color.RGBA) {
	z := vector.NewRasterizer(chartWidth, chartHeight)
	for _, shape := range p.shapes {
		z.MoveTo(float32(shape[0][0]), float32(shape[0][1]))
		for _, corner := range shape[1:] {
			z.LineTo(float32(corner[0]), float32(corner[1]))
		}
		z.ClosePath()
	}
	z.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{})
}

// scale maps values from–to onto pixels first–last.
type scale struct{ from, to, first, last float64 }

func (s scale) at(v float64) float64 {
	return s.first + (v-s.from)/(s.to-s.from)*(s.last-s.first)
}

// ticks are at most n+1 round values within the scale: steps of 1, 2 or 5.
func (s scale) ticks(n int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((s.to-s.from)/float64(n))))
	for _, factor := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if (s.to-s.from)/step > float64(n) {
			step *= factor
		}
	}
	var out []float64
	for k := math.Ceil(s.from / step); k*step <= s.to; k++ {
		out = append(out, k*step)
	}
	return out
}

// number is a tick's label: rounding of k·step is not shown.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func dashes(img *image.RGBA, column, top, bottom int) {
	for y := top; y < bottom; y += 8 {
		rectangle(img, column, y, column+1, min(y+4, bottom), marking)
	}
}

func rectangle(img *image.RGBA, left, top, right, bottom int, c color.RGBA) {
	draw.Draw(img, image.Rect(left, top, right, bottom), image.NewUniform(c), image.Point{}, draw.Src)
}

// text writes s with its baseline's left end at (x, y).
func text(img *image.RGBA, x, y int, s string, c color.RGBA) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(s)
}
