package scales

// Effort says how many predictions are made for a picture.
type Effort string

// The efforts.
const (
	Fast   Effort = "fast"   // the whole picture once and up to three of its quarters
	Normal Effort = "normal" // the whole picture and its mirror images, and all quarters
	Best   Effort = "best"   // the same, with nine overlapping parts of half the size
	// Mirrors and Wide are for the model of trunk and head (OfTrunk): the whole picture and its
	// left-right mirror image, for Wide also four overlapping parts of four fifths of the size. Smaller
	// parts of a trunk lack the surroundings that tell what they are.
	Mirrors Effort = "mirrors"
	Wide    Effort = "wide"
	// Whole predicts only the whole picture, once or with the model's own test-time
	// augmentation. The zero value means Whole.
	Whole Effort = "whole"
)

// Efforts lists the efforts that a site may choose, the fastest first.
func Efforts() []string { return []string{string(Fast), string(Normal), string(Best)} }

// plan lists the predictions of an effort.
type plan struct {
	mirrors int     // predictions of the whole picture, 1, 2 (with its left-right mirror image) or 4 (with all); 0: chosen by the model
	parts   int     // number along each axis, evenly spread; 0: none
	size    float64 // of a part, relative to the picture's height and width
	most    int     // greatest number of parts; the least certain ones are chosen
	flip    bool    // predict every second part mirrored: where parts overlap much, the mean gains
}

var plans = map[Effort]plan{
	Fast:   {mirrors: 1, parts: 2, size: .5, most: 3},
	Normal: {mirrors: 4, parts: 2, size: .5, most: 4},
	Best:   {mirrors: 4, parts: 3, size: .5, most: 9},

	Mirrors: {mirrors: 2},
	Wide:    {mirrors: 2, parts: 2, size: .8, most: 4, flip: true},
	Whole:   {},
}

// OfTrunk returns what the model of trunk and head does where others do e.
func (e Effort) OfTrunk() Effort {
	switch e.orDefault() {
	case Normal, Best, Wide:
		return Wide
	}
	return Mirrors
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
