package scales

// Effort is how often the network is asked about a picture.
type Effort string

// The efforts.
const (
	Fast   Effort = "fast"   // the whole picture once and up to three quarters of it
	Normal Effort = "normal" // the whole picture and its mirror images, and all quarters
	Best   Effort = "best"   // the same, with nine parts that overlap by half
	// Whole asks about the whole picture alone, once, or as often as the model does by
	// itself. It is what the zero value means.
	Whole Effort = "whole"
)

// Efforts are those that a site may choose, the cheapest first.
func Efforts() []string { return []string{string(Fast), string(Normal), string(Best)} }

// plan says what the network is asked.
type plan struct {
	mirrors int // of the whole picture, 1 or 4, itself included; 0: the model decides
	parts   int // along each axis, half the picture long, evenly spread; 0: none
	most    int // parts that are looked at, those of which the whole picture says least for sure
}

var plans = map[Effort]plan{
	Fast:   {mirrors: 1, parts: 2, most: 3},
	Normal: {mirrors: 4, parts: 2, most: 4},
	Best:   {mirrors: 4, parts: 3, most: 9},
	Whole:  {},
}

// Known tells whether e is one of the constants, or says nothing.
func (e Effort) Known() bool {
	_, known := plans[e.orDefault()]
	return known
}

// Parts tells whether parts of a picture are asked about, so that the whole picture as the
// network sees it is not enough.
func (e Effort) Parts() bool { return plans[e.orDefault()].parts > 0 }

func (e Effort) orDefault() Effort {
	if e == "" {
		return Whole
	}
	return e
}

// String is the name, that of Whole where e says nothing.
func (e Effort) String() string { return string(e.orDefault()) }
