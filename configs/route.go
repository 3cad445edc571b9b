package configs

import (
	"slices"
	"strings"
)

// Route selects images, and says which results are made of them and who receives them. The
// first route that matches an image is used.
type Route struct {
	Name     string `yaml:"name"`
	Criteria `yaml:",inline"`
	Except   Criteria `yaml:"except"`  // images that any of these matches are not this route's
	Outputs  []string `yaml:"outputs"` // seg, sr, sc, gsps; empty is seg
	Frames   string   `yaml:"frames"`  // of multi-frame images: representative (also "") or all
	SendTo   []string `yaml:"send_to"` // names of callable peers
	Quality  Quality  `yaml:"quality"` // of results; the zero value requires none
}

// Quality says how results are handled whose quality is below a minimum, 0 to 1.
type Quality struct {
	Min   float64 `yaml:"min"`
	Below string  `yaml:"below"` // [Warn] (also "") or [Hold]
}

// Values of Quality.Below.
const (
	Warn = "warn" // log it, and deliver
	Hold = "hold" // deliver when somebody has released them
)

// Doubts reports whether a quality is below the minimum.
func (q Quality) Doubts(figure float64) bool { return figure < q.Min }

// Values of Route.Frames: which frames of a multi-frame image, such as a fluoroscopy, are
// segmented.
const (
	RepresentativeFrame = "representative" // the one that the image names, else the one with the largest spread of values
	AllFrames           = "all"            // each that is not blank, up to a limit
)

// Criteria select images by the sending peer and by values of their data sets. An empty list
// selects all. Case and surrounding spaces of body parts are ignored, because equipment writes
// them differently.
type Criteria struct {
	From       []string `yaml:"from"`        // peer names
	Modalities []string `yaml:"modalities"`  // Modality (0008,0060)
	BodyParts  []string `yaml:"body_parts"`  // Body Part Examined (0018,0015)
	SOPClasses []string `yaml:"sop_classes"` // SOP Class (0008,0016): UIDs or keywords of PS3.6
	Stations   []string `yaml:"stations"`    // Station Name (0008,1010)
}

// Image has the attributes by which routes select.
type Image struct {
	Peer     string // name of the peer that sent it
	Modality string // Modality (0008,0060)
	BodyPart string // Body Part Examined (0018,0015)
	SOPClass string // SOP Class UID (0008,0016)
	Station  string // Station Name (0008,1010)
}

// criterion is one list of Criteria and the value of an image it is compared to.
type criterion struct {
	key   string // in the file
	list  []string
	value string
	equal func(listed, value string) bool
}

func same(listed, value string) bool { return listed == value }

func sameWord(listed, value string) bool {
	return strings.EqualFold(strings.TrimSpace(listed), strings.TrimSpace(value))
}

func sameClass(listed, value string) bool { return sopClass(listed) == value }

func (c Criteria) each(img Image) []criterion {
	return []criterion{
		{"from", c.From, img.Peer, same},
		{"modalities", c.Modalities, img.Modality, same},
		{"body_parts", c.BodyParts, img.BodyPart, sameWord},
		{"sop_classes", c.SOPClasses, img.SOPClass, sameClass},
		{"stations", c.Stations, img.Station, sameWord},
	}
}

func (c criterion) holds() bool {
	return slices.ContainsFunc(c.list, func(listed string) bool { return c.equal(listed, c.value) })
}

// Mismatch returns the key of the first criterion that keeps img from the route,
// such as "modalities" or "except.stations"; "" when the route takes it.
func (r Route) Mismatch(img Image) string {
	for _, c := range r.Criteria.each(img) {
		if len(c.list) > 0 && !c.holds() {
			return c.key
		}
	}
	for _, c := range r.Except.each(img) {
		if c.holds() {
			return "except." + c.key
		}
	}
	return ""
}

// Matches reports whether r takes the image.
func (r Route) Matches(img Image) bool { return r.Mismatch(img) == "" }

// Takes reports whether r can match images of that peer at all.
func (r Route) Takes(peer string) bool {
	return (len(r.From) == 0 || slices.Contains(r.From, peer)) && !slices.Contains(r.Except.From, peer)
}

// Route returns the first route for the image.
func (c Config) Route(img Image) (Route, bool) {
	i := slices.IndexFunc(c.Routes, func(r Route) bool { return r.Matches(img) })
	if i < 0 {
		return Route{}, false
	}
	return c.Routes[i], true
}

// ByStation reports whether any route selects by Station Name.
func (c Config) ByStation() bool {
	return slices.ContainsFunc(c.Routes, func(r Route) bool { return len(r.Stations)+len(r.Except.Stations) > 0 })
}
