package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Outputs are the kinds of results that a route may name.
const (
	SEG  = "seg"  // the regions, in the form that the destination shows
	SR   = "sr"   // measurement report (PS3.16 TID 1500), refers to a BINARY SEG
	SC   = "sc"   // Secondary Capture: a picture with outlines and legend
	GSPS = "gsps" // Grayscale Softcopy Presentation State: outlines over the image
)

// Forms of the regions for a destination, besides SC and GSPS.
const (
	Binary     = "binary"     // Segmentation, BINARY
	Fractional = "fractional" // Segmentation, FRACTIONAL: probabilities
	Labelmap   = "labelmap"   // Label Map Segmentation
)

var (
	outputs = []string{SEG, SR, SC, GSPS}
	forms   = []string{Binary, Fractional, Labelmap, SC, GSPS}
)

// viewers are the forms that viewers display, preferred first; docs/viewers.md says how this
// was established.
var viewers = map[string][]string{
	"ohif":   {Binary, Labelmap, SC},
	"weasis": {Binary, Labelmap, SC},
	"slicer": {Binary, SC},
	"legacy": {SC, GSPS},
}

// SegmentationForms are the forms of the regions for p, preferred first. There is at least one.
func (p Peer) SegmentationForms() []string {
	switch {
	case len(p.Forms) > 0:
		return p.Forms
	case p.Viewer != "":
		return viewers[p.Viewer]
	}
	return []string{Binary}
}

// Kinds are the outputs of r, by default the regions alone.
func (r Route) Kinds() []string {
	if len(r.Outputs) == 0 {
		return []string{SEG}
	}
	return r.Outputs
}

// viewer checks the forms of a peer.
func (v *checker) viewer(key string, p Peer) {
	if p.Viewer != "" {
		v.oneOf(key+".viewer", p.Viewer, slices.Sorted(maps.Keys(viewers))...)
	}
	for j, f := range p.Forms {
		v.oneOf(fmt.Sprintf("%s.forms[%d]", key, j), f, forms...)
	}
	if p.Viewer != "" && len(p.Forms) > 0 {
		v.add(key+".viewer", "keep one of them: viewer stands for a list of forms", "the peer has forms as well")
	}
}

// outputs checks the outputs of a route, and that its destinations can use them.
func (v *checker) outputs(c Config, key string, r Route) {
	for j, o := range r.Outputs {
		v.oneOf(fmt.Sprintf("%s.outputs[%d]", key, j), o, outputs...)
	}
	if !slices.Contains(r.Outputs, SR) {
		return
	}
	for _, name := range r.SendTo {
		if why := reportsAlone(c, r, name); why != "" {
			v.add(key+".outputs", fmt.Sprintf("add %s to outputs and %s to the forms of %q, or leave %s out", SEG, Binary, name, SR),
				"a report refers to a BINARY segmentation, and %s", why)
		}
	}
}

// quality requires a minimum if results below it are handled.
func (v *checker) quality(key string, q Quality) {
	if q == (Quality{}) {
		return
	}
	if !(q.Min > 0 && q.Min <= 1) { // NaN too
		v.add(key+".min", "write the least quality that needs no look, such as 0.90", "%v is not above 0 and up to 1", q.Min)
	}
	if q.Below != "" {
		v.oneOf(key+".below", q.Below, Warn, Hold)
	}
}

// reportsAlone returns why a destination would get reports without the segmentation they refer
// to.
func reportsAlone(c Config, r Route, name string) string {
	p, known := c.Peer(name)
	switch {
	case !known:
		return ""
	case !slices.Contains(r.Kinds(), SEG):
		return "the route makes none"
	case p.SegmentationForms()[0] != Binary:
		return fmt.Sprintf("%q gets the regions as %s", name, strings.Join(p.SegmentationForms()[:1], ""))
	}
	return ""
}
