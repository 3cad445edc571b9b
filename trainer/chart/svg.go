package chart

import (
	_ "embed"
	"html/template"
	"io"
)

// Templates defines the templates "plot", "chart" and "document" for html/template;
// "chart" is an HTML figure of a *Chart with its key and caption.
//
//go:embed chart.svg.tmpl
var Templates string

// Style is the style sheet of the charts: the colours as variables, light and dark, and
// the styles that Line, Bar, Rule and Mark name.
//
//go:embed chart.css
var Style string

var documentTemplate = template.Must(template.New("charts").Parse(Templates))

// document is charts above each other, in a view box half as large as it is shown.
type document struct {
	Style        template.CSS
	Height, Half int
	Charts       []placed
}

type placed struct {
	*Chart
	Top int
	Key []entry
}

type entry struct {
	Style, Name string
	X           int
}

// The height of a chart with title, key and labels in a document, and the width of a letter.
const (
	documentChart = 380
	letter        = 6
)

// WriteSVG writes charts as one SVG document, the first on top.
func WriteSVG(w io.Writer, charts ...*Chart) error {
	d := document{Style: template.CSS(Style), Half: documentChart * len(charts)} // our own style sheet
	d.Height = 2 * d.Half
	for i, c := range charts {
		d.Charts = append(d.Charts, placed{c, i * documentChart, c.key()})
	}
	return documentTemplate.ExecuteTemplate(w, "document", d)
}

// key names the lines and rules from left to right.
func (c *Chart) key() (out []entry) {
	x := 70
	add := func(style, name string) {
		if name != "" {
			out = append(out, entry{style, name, x})
			x += 30 + letter*(len(name)+1)
		}
	}
	for _, l := range c.Lines {
		add(l.Style, l.Name)
	}
	for _, r := range c.Rules {
		add(r.Style, r.Name)
	}
	return out
}
