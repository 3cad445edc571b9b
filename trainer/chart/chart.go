// Package chart draws line and bar charts as SVG: axes with round ticks, curves,
// bars, rules, marks and an inset. It knows the drawing and its style sheet, and
// nothing of what is drawn: evaluate's report and fit's learning curve say that.
package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Chart is a drawing for the template "chart": everything in it is in the units
// of the view box, made by its methods from the axes' units.
type Chart struct {
	ID            string
	Title         string
	Text          string // what it shows, for those who do not see it
	Caption       string // under the chart; empty: Text
	X, Y          Axis
	Width, Height float64 // of the plot area
	Bars          []Bar
	Lines         []Line
	Rules         []Rule
	Marks         []Mark
	Inset         *Inset
}

// Inset is a chart within a chart's plot area.
type Inset struct {
	*Chart
	Left, Top float64
}

// The plot area within the view box of 480×340.
const (
	plotWidth  = 382
	plotHeight = 276
)

// Axis is a linear scale. Format writes a tick's value, ticks being step apart;
// nil writes per cent.
type Axis struct {
	Label    string
	From, To float64
	Format   func(v, step float64) string
	Ticks    []Tick
}

// Tick is a labelled value of an axis, At its place in the plot area.
type Tick struct {
	At   float64
	Text string
}

// Line has a style of the style sheet and a path within the plot area.
type Line struct{ Style, Name, Path string }

// Bar is a rectangle within the plot area; Text tells its value.
type Bar struct {
	X, Y, Width, Height float64
	Style, Text         string
}

// Rule is a vertical line with a name.
type Rule struct {
	At          float64
	Style, Name string
}

// Mark is a dot within the plot area.
type Mark struct {
	X, Y        float64
	Style, Name string
	Filled      bool
}

// New is an empty chart with ticks every xStep and yStep of its axes.
func New(id, title string, x, y Axis, xStep, yStep float64) *Chart {
	c := &Chart{ID: id, Title: title, X: x, Y: y, Width: plotWidth, Height: plotHeight}
	c.ticks(xStep, yStep)
	return c
}

func (c *Chart) ticks(xStep, yStep float64) {
	for v := range steps(c.X, xStep) {
		c.X.Ticks = append(c.X.Ticks, Tick{c.x(v), c.X.text(v, xStep)})
	}
	for v := range steps(c.Y, yStep) {
		c.Y.Ticks = append(c.Y.Ticks, Tick{c.y(v), c.Y.text(v, yStep)})
	}
}

// steps goes over the multiples of step on an axis; adding 0 makes 0 of −0.
func steps(a Axis, step float64) func(func(float64) bool) {
	return func(yield func(float64) bool) {
		for i := math.Ceil(a.From/step-1e-9) + 0; i*step <= a.To+1e-9; i++ {
			if !yield(i * step) {
				return
			}
		}
	}
}

// RoundStep is the least step of 1, 2 or 5 times a power of ten with which an axis has at
// most n+1 ticks.
func RoundStep(from, to float64, n int) float64 {
	step := math.Pow(10, math.Floor(math.Log10((to-from)/float64(n))))
	for _, factor := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if (to-from)/step > float64(n) {
			step *= factor
		}
	}
	return step
}

// Number writes a tick's value as a plain number; what k·step is off by is not shown.
func Number(v, _ float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func (a Axis) text(v, step float64) string {
	switch {
	case a.Format != nil:
		return a.Format(v, step)
	case step < 0.01:
		return fmt.Sprintf("%.1f\u00a0%%", 100*v)
	}
	return fmt.Sprintf("%.0f\u00a0%%", 100*v)
}

// x and y bring a value of an axis to the plot area.
func (c *Chart) x(v float64) float64 {
	return round1((v - c.X.From) / (c.X.To - c.X.From) * c.Width)
}

func (c *Chart) y(v float64) float64 {
	return round1(c.Height - (v-c.Y.From)/(c.Y.To-c.Y.From)*c.Height)
}

func round1(v float64) float64 { return math.Round(10*v) / 10 }

// Draw adds a line through points. Undefined values leave a gap; a point between two
// gaps is marked.
func (c *Chart) Draw(style, name string, points [][2]float64) {
	var b strings.Builder
	for i, p := range points {
		switch before, after := defined(points, i-1), defined(points, i+1); {
		case !defined(points, i):
		case before:
			fmt.Fprintf(&b, "L%g %g", c.x(p[0]), c.y(p[1]))
		default:
			fmt.Fprintf(&b, "M%g %g", c.x(p[0]), c.y(p[1]))
			if !after {
				c.Mark(p[0], p[1], style, "")
			}
		}
	}
	if b.Len() > 0 {
		c.Lines = append(c.Lines, Line{style, name, b.String()})
	}
}

func defined(points [][2]float64, i int) bool {
	return i >= 0 && i < len(points) && !math.IsNaN(points[i][1]) && !math.IsInf(points[i][1], 0)
}

// Column adds a bar from the X axis up to v.
func (c *Chart) Column(from, to, v float64, style, text string) {
	x, y := c.x(from), c.y(v)
	c.Bars = append(c.Bars, Bar{x + 0.5, y, math.Max(0, round1(c.x(to)-x-1)), math.Max(0, round1(c.Height-y)), style, text})
}

// Enlarge adds a smaller chart with the given axes at (left, top) of the plot area.
func (c *Chart) Enlarge(left, top, width, height float64, x, y Axis, step float64) *Chart {
	in := &Chart{X: x, Y: y, Width: width, Height: height}
	in.ticks(step, step)
	c.Inset = &Inset{in, left, top}
	return in
}

// Rule adds a vertical line with a name.
func (c *Chart) Rule(at float64, style, name string) {
	c.Rules = append(c.Rules, Rule{c.x(at), style, name})
}

// Mark adds a ring, which the key names unless name is empty.
func (c *Chart) Mark(x, y float64, style, name string) {
	c.Marks = append(c.Marks, Mark{c.x(x), c.y(y), style, name, false})
}

// MarkFilled adds a dot.
func (c *Chart) MarkFilled(x, y float64, style, name string) {
	c.Marks = append(c.Marks, Mark{c.x(x), c.y(y), style, name, true})
}
