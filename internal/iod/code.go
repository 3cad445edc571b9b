package iod

import (
	"errors"
	"regexp"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// Code is a coded concept: the Basic Code Sequence Macro (PS3.3 Table 8.8-1a).
type Code struct {
	Value   string // Code Value; longer than 16 characters it becomes Long Code Value
	Scheme  string // Coding Scheme Designator: DCM, SCT, UCUM
	Meaning string // Code Meaning, for people
}

// Item returns the concept as the item of a code sequence, with nested items
// such as modifiers left to the caller.
func (c Code) Item() *DataSet {
	d := &DataSet{}
	if len(c.Value) > 16 {
		d.Strings(tag.LongCodeValue, c.Value)
	} else {
		d.Required(tag.CodeValue, c.Value)
	}
	if c.Scheme != "" || len(c.Value) <= 16 {
		d.Required(tag.CodingSchemeDesignator, c.Scheme)
	}
	d.Required(tag.CodeMeaning, c.Meaning)
	return d
}

// Concepts of PS3.16 used by more than one kind of object.
var (
	ArtificialIntelligence  = Code{"123110", "DCM", "Artificial Intelligence"}                     // CID 7162
	AcquisitionEquipment    = Code{"109101", "DCM", "Acquisition Equipment"}                       // CID 7005
	Segmentation            = Code{"113076", "DCM", "Segmentation"}                                // CID 7203
	SourceImageForOperation = Code{"121322", "DCM", "Source Image for Image Processing Operation"} // CID 7202

	SpatialAndRelationalConcept = Code{"309825002", "SCT", "Spatial and Relational Concept"} // CID 7150
	Tissue                      = Code{"85756007", "SCT", "Tissue"}                          // CID 7150
	Background                  = Code{"125040", "DCM", "Background"}
	SoftTissue                  = Code{"87784001", "SCT", "Soft tissue"} // CID 7166
	Bone                        = Code{"3138006", "SCT", "Bone"}         // CID 7166

	Right     = Code{"24028007", "SCT", "Right"}     // CID 244
	Left      = Code{"7771000", "SCT", "Left"}       // CID 244
	Bilateral = Code{"51440002", "SCT", "Bilateral"} // CID 244
)

// Reference returns the SOP Instance Reference Macro (PS3.3 Table 10-11).
func Reference(sopClassUID, sopInstanceUID string) *DataSet {
	d := &DataSet{}
	d.ForeignUID(tag.ReferencedSOPClassUID, sopClassUID)
	d.ForeignUID(tag.ReferencedSOPInstanceUID, sopInstanceUID)
	return d
}

// ForeignUID sets a UID that somebody else made. It is passed on digit by digit:
// some devices write components with leading zeros, which PS3.5 9.1 forbids, and
// a corrected UID would refer to nothing.
func (d *DataSet) ForeignUID(t tag.Tag, uid string) {
	if !foreignUID.MatchString(uid) {
		d.fail(t, errForeignUID)
		return
	}
	d.text(t, []string{uid}, true)
}

var (
	foreignUID    = regexp.MustCompile(`^[0-9.]{1,64}$`)
	errForeignUID = errors.New("set UID: want 1 to 64 digits and dots")
)
