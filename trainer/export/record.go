package export

// Record is a line of manifest.jsonl. It says how an image, or an object that refers to one,
// was exported. It contains no value of an original.
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
	// BitsStored and TransferSyntax are those of the original.
	BitsStored     int     `json:"bits_stored,omitempty"`
	TransferSyntax string  `json:"transfer_syntax_uid"`
	Lossy          bool    `json:"lossy,omitempty"`
	SpacingMM      float64 `json:"spacing_mm,omitempty"` // between rows
	Polarity       string  `json:"polarity,omitempty"`

	Chain *Chain `json:"chain,omitempty"`
	// Graphics says whether overlays were kept or removed under the Clean Graphics Option.
	Graphics string  `json:"graphics,omitempty"`
	BurnedIn *Burned `json:"burned_in,omitempty"`
	Label    *Label  `json:"label,omitempty"`
	Profile  Profile `json:"profile"`
	Project  string  `json:"project"`
	// Files are the SHA-256 hashes of the files, by path.
	Files map[string]string `json:"files"`
}

// Chain says how a picture's values were computed from stored values: after the steps, value =
// Scale × (v + Offset), rounded and limited to 0…65535.
type Chain struct {
	Pixels Pixels   `json:"pixels"`
	Steps  []string `json:"steps,omitempty"`
	Offset float64  `json:"offset"`
	Scale  float64  `json:"scale"`
	Cut    int      `json:"cut,omitempty"` // number of limited pixels
}

// Burned says whether burned-in text was found and what was done.
type Burned struct {
	Found    int      `json:"found"`             // number of boxes
	Done     string   `json:"done"`              // nothing, kept, blanked or not searched
	Blanked  [][4]int `json:"blanked,omitempty"` // left, top, width, height
	Reviewed bool     `json:"reviewed"`          // a person has reviewed and approved the picture
}

// Label says how a label was made.
type Label struct {
	Kind         Labels `json:"kind"`
	ModelDigest  string `json:"model_digest,omitempty"`
	ConfigDigest string `json:"config_digest,omitempty"`
}

// Profile identifies the rules of the de-identification.
type Profile struct {
	Edition string   `json:"edition"` // of PS3.15
	Name    string   `json:"name"`    // training or basic
	Options []string `json:"options,omitempty"`
}
