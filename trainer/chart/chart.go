package evaluate

import (
	"fmt"
	"math"
	"strings"
)

// chart is a drawing for the report's template: everything in it is in the units
// of the view box, made by a plot from the axes' units.
type chart struct {
	ID            string
	Title         string
	Text          string // what it shows, for those who do not see it
	Caption       string // under the chart; empty: Text
	X, Y          axis
	Width, Height float64 // of the plot area
	Bars          []bar
	Lines         []line
	Rules         []rule
	Marks         []mark
	Inset         *inset
}

// inset is a chart within a chart's plot area.
type inset struct {
	*chart
	Left, Top float64
}

// The plot area within the view box of 480×340.
const (
	plotWidth  = 382
	plotHeight = 276
)

type axis struct {
	Label    string
	From, To float64
	Ticks    []tick
}

type tick struct {
	At   float64
	Text string
}

// line has a style of the style sheet and a path within the plot area.
type line struct{ Style, Name, Path string }

// bar is a rectangle within the plot area; Text tells its value.
type bar struct {
	X, Y, Width, Height float64
	Style, Text         string
}

// rule is a vertical line with a name.
type rule struct {
	At          float64
	Style, Name string
}

// mark is a dot within the plot area.
type mark struct {
	X, Y        float64
	Style, Name string
	Filled      bool
}

// newChart has ticks every step of its axes, as per cent.
func newChart(id, title string, x, y axis, xStep, yStep float64) *chart {
	c := &chart{ID: id, Title: title, X: x, Y: y, Width: plotWidth, Height: plotHeight}
	c.ticks(xStep, yStep)
	return c
}

func (c *chart) ticks(xStep, yStep float64) {
	for v := range steps(c.X, xStep) {
		c.X.Ticks = append(c.X.Ticks, tick{c.x(v), percentText(v, xStep)})
	}
	for v := range steps(c.Y, yStep) {
		c.Y.Ticks = append(c.Y.Ticks, tick{c.y(v), percentText(v, yStep)})
	}
}

// steps goes over the multiples of step on an axis; adding 0 makes 0 of −0.
func steps(a axis, step float64) func(func(float64) bool) {
	return func(yield func(float64) bool) {
		for i := math.Ceil(a.From/step-1e-9) + 0; i*step <= a.To+1e-9; i++ {
			if !yield(i * step) {
				return
			}
		}
	}
}

func percentText(v, step float64) string {
	if step < 0.01 {
		return fmt.Sprintf("%.1f\u00a0%%", 100*v)
	}
	return fmt.Sprintf("%.0f\u00a0%%", 100*v)
}

// x and y bring a value of an axis to the plot area.
func (c *chart) x(v float64) float64 {
	return round1((v - c.X.From) / (c.X.To - c.X.From) * c.Width)
}

func (c *chart) y(v float64) float64 {
	return round1(c.Height - (v-c.Y.From)/(c.Y.To-c.Y.From)*c.Height)
}

func round1(v float64) float64 { return math.Round(10*v) / 10 }

// draw adds a line through points.
func (c *chart) draw(style, name string, points [][2]float64) {
	var b strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%g %g", command, c.x(p[0]), c.y(p[1]))
	}
	c.Lines = append(c.Lines, line{style, name, b.String()})
}

// column adds a bar from the X axis up to v.
func (c *chart) column(from, to, v float64, style, text string) {
	x, y := c.x(from), c.y(v)
	c.Bars = append(c.Bars, bar{x + 0.5, y, math.Max(0, round1(c.x(to)-x-1)), math.Max(0, round1(c.Height-y)), style, text})
}

// inset adds a smaller chart with the given axes at (left, top).
func (c *chart) inset(left, top, width, height float64, x, y axis, step float64) *chart {
	in := &chart{X: x, Y: y, Width: width, Height: height}
	in.ticks(step, step)
	c.Inset = &inset{in, left, top}
	return in
}

func (c *chart) rule(at float64, style, name string) {
	c.Rules = append(c.Rules, rule{c.x(at), style, name})
}

func (c *chart) mark(x, y float64, style, name string) {
	c.Marks = append(c.Marks, mark{c.x(x), c.y(y), style, name, false})
}

func (c *chart) markFilled(x, y float64, style, name string) {
	c.Marks = append(c.Marks, mark{c.x(x), c.y(y), style, name, true})
}
