package scales

// Effort says how many predictions are made for a picture.
type Effort string

// The efforts.
const (
	Fast   Effort = "fast"   // the whole picture once and up to three of its quarters
	Normal Effort = "normal" // the whole picture and its mirror images, and all quarters
	Best   Effort = "best"   // the same, with nine overlapping parts of half the size
	// Mirrors predicts the whole picture and its mirror images: what a model of trunk and head uses
	// whatever a site has chosen, since parts of a trunk lack the surroundings that tell what they are.
	Mirrors Effort = "mirrors"
	// Whole predicts only the whole picture, once or with the model's own test-time
	// augmentation. The zero value means Whole.
	Whole Effort = "whole"
)

// Efforts lists the efforts that a site may choose, the fastest first.
func Efforts() []string { return []string{string(Fast), string(Normal), string(Best)} }

// plan lists the predictions of an effort.
type plan struct {
	mirrors int // predictions of the whole picture, 1 or 4 (with its mirror images); 0: chosen by the model
	parts   int // number along each axis, of half the picture's size, evenly spread; 0: none
	most    int // greatest number of parts; the least certain ones are chosen
}

var plans = map[Effort]plan{
	Fast:   {mirrors: 1, parts: 2, most: 3},
	Normal: {mirrors: 4, parts: 2, most: 4},
	Best:   {mirrors: 4, parts: 3, most: 9},

	Mirrors: {mirrors: 4},
	Whole:   {},
}

// Known reports whether e is one of the constants or empty.
func (e Effort) Known() bool {
	_, known := plans[e.orDefault()]
	return known
}

// Parts reports whether e uses parts of a picture, so that its canonical picture alone is not
// sufficient.
func (e Effort) Parts() bool { return plans[e.orDefault()].parts > 0 }

func (e Effort) orDefault() Effort {
	if e == "" {
		return Whole
	}
	return e
}

// String returns the name, that of Whole if e is empty.
func (e Effort) String() string { return string(e.orDefault()) }
