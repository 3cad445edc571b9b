package export

// Record is a line of manifest.jsonl: what an image, or an object that belongs to
// one, became and how. It holds no value of an original.
type Record struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"` // CR, DX …, SEG, SR33
	Patient  string `json:"patient"`
	Study    string `json:"study_uid"`
	Series   string `json:"series_uid"`
	Instance string `json:"instance_uid"`
	SOPClass string `json:"sop_class_uid"`

	BodyPart string `json:"body_part,omitempty"`
	View     string `json:"view,omitempty"`
	Rows     int    `json:"rows,omitempty"`
	Columns  int    `json:"columns,omitempty"`
	// BitsStored and TransferSyntax are those before the export.
	BitsStored     int     `json:"bits_stored,omitempty"`
	TransferSyntax string  `json:"transfer_syntax_uid"`
	Lossy          bool    `json:"lossy,omitempty"`
	SpacingMM      float64 `json:"spacing_mm,omitempty"` // between rows
	Polarity       string  `json:"polarity,omitempty"`

	Chain *Chain `json:"chain,omitempty"`
	// Graphics is what became of overlays with the Clean Graphics Option: kept or removed.
	Graphics string  `json:"graphics,omitempty"`
	BurnedIn *Burned `json:"burned_in,omitempty"`
	Label    *Label  `json:"label,omitempty"`
	Profile  Profile `json:"profile"`
	Project  string  `json:"project"`
	// Files are the SHA-256 digests of the files, by path.
	Files map[string]string `json:"files"`
}

// Chain says how stored values became those of a picture: value = Scale × (v + Offset),
// rounded and cut to 0…65535, after the steps.
type Chain struct {
	Pixels Pixels   `json:"pixels"`
	Steps  []string `json:"steps,omitempty"`
	Offset float64  `json:"offset"`
	Scale  float64  `json:"scale"`
	Cut    int      `json:"cut,omitempty"` // pixels that did not fit
}

// Burned says what was found of burned-in writing and what was done about it.
type Burned struct {
	Found    int      `json:"found"`             // boxes
	Done     string   `json:"done"`              // nothing, kept, blanked or not searched
	Blanked  [][4]int `json:"blanked,omitempty"` // left, top, width, height
	Reviewed bool     `json:"reviewed"`          // somebody looked at the picture and approved it
}

// Label says where a label comes from.
type Label struct {
	Kind         Labels `json:"kind"`
	ModelDigest  string `json:"model_digest,omitempty"`
	ConfigDigest string `json:"config_digest,omitempty"`
}

// Profile names the rules of the de-identification.
type Profile struct {
	Edition string   `json:"edition"` // of PS3.15
	Name    string   `json:"name"`    // training or basic
	Options []string `json:"options,omitempty"`
}
