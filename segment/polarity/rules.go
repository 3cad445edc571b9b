package polarity

// rule is one row of the table; the first that matches is used.
type rule struct {
	name         string
	kind         Kind
	relationship string // "" fits all
	sign         int    // 0 fits all
	photometric  string // "" fits all
	lutShape     string // "" fits all

	invert  bool // low values are open beam
	log     bool // the values are proportional to the beam's intensity
	lut     bool // apply the Modality LUT first (PS3.3 C.11.1)
	voi     bool // respect a VOI LUT that inverts the picture (C.11.2)
	decided bool // by the network: the attributes do not determine it
}

// rules bring every image to "open beam bright".
//
// For Processing values are judged by their relation to the beam's intensity: sign 1 means
// lower values for less intensity.
//
// XA and RF values grow with the beam where they are LIN or LOG (C.8.7.1.1.2); their Modality
// LUT leads back to the beam's intensity and is no step towards display. DISP or nothing
// says nothing of the beam: fluoroscopy is usually shown with the beam bright, spot exposures
// with white bones.
//
// Everything else is judged as displayed, bone white: MONOCHROME2 shows high values white,
// MONOCHROME1 low ones; INVERSE turns MONOCHROME2 over, while with MONOCHROME1 PS3.3 C.8.11.3
// demands it and it says nothing new.
var rules = []rule{
	{name: "for processing, linear, less beam is higher", kind: Processing, relationship: "LIN", sign: -1, invert: true, log: true},
	{name: "for processing, linear, less beam is lower", kind: Processing, relationship: "LIN", log: true},
	{name: "for processing, less beam is higher", kind: Processing, sign: -1, invert: true},
	{name: "for processing, less beam is lower", kind: Processing, sign: 1},
	{name: "for processing, sign absent, MONOCHROME1", kind: Processing, photometric: "MONOCHROME1", lut: true},
	{name: "for processing, sign absent, MONOCHROME2 inverse", kind: Processing, photometric: "MONOCHROME2", lutShape: "INVERSE", lut: true},
	{name: "for processing, sign absent, MONOCHROME2", kind: Processing, photometric: "MONOCHROME2", invert: true, lut: true},
	{name: "fluoroscopy, linear, less beam is higher", kind: Fluoroscopy, relationship: "LIN", sign: -1, invert: true, log: true},
	{name: "fluoroscopy, linear", kind: Fluoroscopy, relationship: "LIN", log: true},
	{name: "fluoroscopy, logarithmic, less beam is higher", kind: Fluoroscopy, relationship: "LOG", sign: -1, invert: true},
	{name: "fluoroscopy, logarithmic", kind: Fluoroscopy, relationship: "LOG"},
	{name: "fluoroscopy for display", kind: Fluoroscopy, decided: true},
	{name: "as displayed, MONOCHROME1", photometric: "MONOCHROME1", lut: true, voi: true},
	{name: "as displayed, MONOCHROME2 inverse", photometric: "MONOCHROME2", lutShape: "INVERSE", lut: true, voi: true},
	{name: "as displayed, MONOCHROME2", invert: true, lut: true, voi: true},
}

func (c rule) fits(f Facts) bool {
	return c.kind == f.Kind &&
		(c.relationship == "" || c.relationship == f.Relationship) &&
		(c.sign == 0 || c.sign == f.Sign) &&
		(c.photometric == "" || c.photometric == f.Photometric) &&
		(c.lutShape == "" || c.lutShape == f.LUTShape)
}

func ruleOf(f Facts) rule {
	for _, c := range rules {
		if c.fits(f) {
			return c
		}
	}
	return rules[len(rules)-1]
}
