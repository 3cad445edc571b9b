package iod

import (
	"fmt"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// A copied attribute of a module. Type 2 attributes are written empty when the
// source lacks them; the others only when it has them.
type copied struct {
	tag      tag.Tag
	required bool // Type 1: an error without a value
	empty    bool // Type 2
	// identity marks what a PACS matches patient and study by. Such a value is
	// passed on as it came even where it breaks its VR (too long, lower case):
	// altering it would file the object under another patient, and refusing it
	// would lose the result of a study the PACS has already accepted.
	identity bool
}

// patientModule is PS3.3 Table C.7-1, where every attribute is Type 2, 3 or
// conditional.
var patientModule = []copied{
	{tag: tag.PatientName, empty: true, identity: true},
	{tag: tag.PatientID, empty: true, identity: true},
	{tag: tag.IssuerOfPatientID, identity: true},
	{tag: tag.IssuerOfPatientIDQualifiersSequence},
	{tag: tag.TypeOfPatientID},
	{tag: tag.PatientBirthDate, empty: true, identity: true},
	{tag: tag.PatientBirthTime},
	{tag: tag.PatientSex, empty: true, identity: true},
	{tag: tag.QualityControlSubject},
	{tag: tag.ReferencedPatientSequence},
	{tag: tag.OtherPatientIDs},
	{tag: tag.OtherPatientIDsSequence},
	{tag: tag.OtherPatientNames},
	{tag: tag.EthnicGroup},
	{tag: tag.PatientComments},
	{tag: tag.PatientSpeciesDescription},
	{tag: tag.PatientSpeciesCodeSequence},
	{tag: tag.PatientBreedDescription},
	{tag: tag.PatientBreedCodeSequence},
	{tag: tag.BreedRegistrationSequence},
	{tag: tag.ResponsiblePerson},
	{tag: tag.ResponsiblePersonRole},
	{tag: tag.ResponsibleOrganization},
	{tag: tag.PatientIdentityRemoved},
	{tag: tag.DeidentificationMethod},
	{tag: tag.DeidentificationMethodCodeSequence},
}

// generalStudyModule is PS3.3 Table C.7-3.
var generalStudyModule = []copied{
	{tag: tag.StudyInstanceUID, required: true, identity: true},
	{tag: tag.StudyDate, empty: true, identity: true},
	{tag: tag.StudyTime, empty: true, identity: true},
	{tag: tag.AccessionNumber, empty: true, identity: true},
	{tag: tag.IssuerOfAccessionNumberSequence},
	{tag: tag.ReferringPhysicianName, empty: true, identity: true},
	{tag: tag.ReferringPhysicianIdentificationSequence},
	{tag: tag.ConsultingPhysicianName},
	{tag: tag.StudyID, empty: true, identity: true},
	{tag: tag.StudyDescription, identity: true},
	{tag: tag.PhysiciansOfRecord},
	{tag: tag.PhysiciansOfRecordIdentificationSequence},
	{tag: tag.NameOfPhysiciansReadingStudy},
	{tag: tag.PhysiciansReadingStudyIdentificationSequence},
	{tag: tag.RequestingServiceCodeSequence},
	{tag: tag.ReferencedStudySequence},
	{tag: tag.ProcedureCodeSequence},
	{tag: tag.ReasonForPerformedProcedureCodeSequence},
}

// patientStudyModule is PS3.3 Table C.7-4a without the clinical free text, which
// no reader of a derived object needs.
var patientStudyModule = []copied{
	{tag: tag.AdmittingDiagnosesDescription},
	{tag: tag.AdmittingDiagnosesCodeSequence},
	{tag: tag.PatientAge},
	{tag: tag.PatientSize},
	{tag: tag.PatientWeight},
	{tag: tag.PatientBodyMassIndex},
	{tag: tag.PatientSexNeutered},
	{tag: tag.AdmissionID},
	{tag: tag.IssuerOfAdmissionIDSequence},
	{tag: tag.ServiceEpisodeID},
	{tag: tag.ServiceEpisodeDescription},
	{tag: tag.IssuerOfServiceEpisodeIDSequence},
}

// PatientAndStudy copies the Patient, General Study and Patient Study modules
// from s, as UTF-8 or, where nothing decodes the text of s, in its character set,
// which becomes that of d: what s has and nothing else, except the Type 2 attributes,
// which become empty. An optional attribute with a value that breaks its VR is
// left out; a sequence that holds one is left out whole. Without a Study
// Instance UID d is invalid.
func (d *DataSet) PatientAndStudy(s Source) {
	d.characterSetOf(s)
	for _, module := range [][]copied{patientModule, generalStudyModule, patientStudyModule} {
		for _, a := range module {
			d.copy(s, a)
		}
	}
}

// Copy copies optional attributes that s has under the same rules.
func (d *DataSet) Copy(s Source, tags ...tag.Tag) {
	for _, t := range tags {
		d.copy(s, copied{tag: t})
	}
}

// CopyOrEmpty copies Type 2 attributes: empty when s lacks them or has a value
// that breaks the VR.
func (d *DataSet) CopyOrEmpty(s Source, tags ...tag.Tag) {
	for _, t := range tags {
		d.copy(s, copied{tag: t, empty: true})
	}
}

// CopyRequired copies Type 1 attributes: one that s lacks, or has with a value
// that breaks the VR, makes d invalid.
func (d *DataSet) CopyRequired(s Source, tags ...tag.Tag) {
	for _, t := range tags {
		d.copy(s, copied{tag: t, required: true})
	}
}

func (d *DataSet) copy(s Source, a copied) {
	e := s.find(a.tag)
	switch {
	case a.required && (s.lacks(e) || a.identity && len(s.stringsOf(e)) == 0):
		d.fail(a.tag, fmt.Errorf("copy from the source image: %w", errRequired))
		return
	case e == nil && a.empty:
		d.Strings(a.tag)
	case e != nil:
		d.copyElement(s, e, a)
	}
}

// copyElement tries the copy on a data set of its own, so that a value d must
// not have does not spoil d.
func (d *DataSet) copyElement(s Source, e *dicom.Element, a copied) {
	trial := &DataSet{raw: s.asIs}
	if a.identity {
		trial.text(a.tag, s.removeControls(s.stringsOf(e)), true)
	} else {
		trial.putElement(s, e)
	}
	switch {
	case trial.err == nil:
		for _, copy := range trial.elements {
			d.set(copy)
		}
	case a.required || a.identity:
		d.fail(a.tag, fmt.Errorf("copy from the source image: %w", trial.err))
	case a.empty:
		d.Strings(a.tag)
	}
}

// putElement sets d's attribute to the value of e, under strict rules.
func (d *DataSet) putElement(s Source, e *dicom.Element) {
	if e.Tag.Group%2 != 0 || e.Value == nil {
		return
	}
	switch v := e.Value.GetValue().(type) {
	case []string:
		d.putText(s, e)
	case []int:
		d.ints(e.Tag, e.RawValueRepresentation, v)
	case []float64:
		d.Decimals(e.Tag, v...)
	case []*dicom.SequenceItemValue:
		d.putItems(s, e.Tag, v)
	case []byte:
		if e.RawValueRepresentation == "UN" {
			d.putText(s, e)
			return
		}
		d.bytes(e.Tag, e.RawValueRepresentation, v)
	default:
		d.fail(e.Tag, fmt.Errorf("copy a value of type %T", v))
	}
}

// putText joins what the reader split at backslashes that were part of the text.
func (d *DataSet) putText(s Source, e *dicom.Element) {
	values := s.stringsOf(e)
	if info, err := tag.Find(e.Tag); err == nil && textVRs[info.VRs[0]].free && len(values) > 1 {
		values = []string{strings.Trim(strings.Join(s.rawStrings(e), `\`), " \x00")}
	}
	d.Strings(e.Tag, values...)
}

func (d *DataSet) putItems(s Source, t tag.Tag, items []*dicom.SequenceItemValue) {
	copies := make([]*DataSet, 0, len(items))
	for _, item := range items {
		elements, _ := item.GetValue().([]*dicom.Element)
		c := &DataSet{raw: s.asIs}
		for _, e := range elements {
			c.putElement(s, e)
		}
		copies = append(copies, c)
	}
	d.Sequence(t, copies...)
}

// removeControls drops control characters, which no reader shows and which
// would end or corrupt the value. Text that stays as it is keeps them: they may
// belong to escape sequences.
func (s Source) removeControls(values []string) []string {
	if s.asIs {
		return values
	}
	for i, v := range values {
		values[i] = strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7f {
				return -1
			}
			return r
		}, v)
	}
	return values
}
