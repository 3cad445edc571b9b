package sr

import (
	"time"

	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
)

// ComprehensiveSRStorage is the SOP class of the reports (PS3.4 B.5).
const ComprehensiveSRStorage = uid.ComprehensiveSRStorage

// Reference names an instance and the series it belongs to.
type Reference struct {
	SOPClassUID, SOPInstanceUID, SeriesInstanceUID string
}

// Report is everything a report says about one image. Fields are required
// unless they say otherwise.
type Report struct {
	Source iod.Source // data set of the image: patient, study, body part, spacing
	Image  Reference
	// Frame is the segmented frame of a multi-frame image, from 1; 0 for a
	// single-frame image, whose frame number must not be written (PS3.3 C.18.4).
	Frame         int
	Rows, Columns int
	// Segmentation is a BINARY Segmentation (PS3.3 A.51) of the image, in which
	// frame i shows segment i.
	Segmentation Reference
	Segments     []Segment
	Evaluations  []Evaluation // optional: how the image was processed, how far it can be trusted

	Algorithm Algorithm
	Equipment iod.Equipment // this product
	// Created dates the report; a repetition must pass the same time. It is
	// written in the time zone that Source names (0008,0201), else in its own.
	Created time.Time
}

// Segment is what was measured in one segment.
type Segment struct {
	Frame       int      // of Segmentation, from 1
	Label       string   // Segment Label (0062,0005)
	TrackingUID string   // Tracking UID (0062,0021)
	Type        iod.Code // Segmented Property Type
	Anatomic    bool     // lies in the examined body part
	Pixels      int
	// FieldFraction is the part of the exposed field's pixels, 0 to 1.
	FieldFraction float64
	// MeanProbability is the model's mean probability of the segment's class over
	// its pixels, 0 to 1. It is not written for a segment without pixels.
	MeanProbability float64
}

// Evaluation is a statement about the image in words (TID 1500 row 14).
type Evaluation struct {
	Concept iod.Code
	Text    string // empty leaves it out
}

// Concepts of the evaluations a node makes, for [Evaluation].
var (
	DarkCorrection = private("DARK_CORRECTION", "Dark correction")
	ExposedField   = private("EXPOSED_FIELD", "Exposed field")
	Polarity       = private("POLARITY", "Polarity of stored values")
	Quality        = private("QUALITY", "Quality of the segmentation")
	Caution        = private("CAUTION", "Caution")
)

// Algorithm identifies what made the segments (TID 4019).
type Algorithm struct {
	Name, Version string
	Parameters    string // optional
}
