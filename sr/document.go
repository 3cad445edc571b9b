package sr

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// seriesNumber is high, so that viewers list the reports after the images.
const seriesNumber = 9010

// Document is one structured report, ready to be written.
type Document struct {
	data *iod.DataSet
	uid  string
}

// New makes the document of a report. The error names the attribute or the
// field that is missing or cannot be written.
func New(r Report) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("write structured report: %w", err)
	}
	d := r.dataSet()
	name, err := d.Namer(r.Image.SOPInstanceUID)
	if err != nil {
		return nil, fmt.Errorf("write structured report: %w", err)
	}
	uid := name("sr") // of everything that is written: equal UIDs mean equal bytes
	d.SOPCommon(ComprehensiveSRStorage, uid, iod.LocalTime(r.Source, r.Created))
	return &Document{data: d, uid: uid}, d.Err()
}

// UID is the SOP Instance UID.
func (d *Document) UID() string { return d.uid }

// Encode writes the data set as Explicit VR Little Endian without file meta
// information.
func (d *Document) Encode(w io.Writer) error { return d.data.Encode(w) }

// check finds what the attributes' own rules do not.
func (r *Report) check() error {
	switch {
	case r.Rows < 1 || r.Columns < 1:
		return errors.New("image has no pixels")
	case len(r.Segments) == 0:
		return errors.New("no segments")
	case r.Frame < 0:
		return fmt.Errorf("frame %d of the image: want 1 or more, or 0", r.Frame)
	case r.Algorithm.Name == "" || r.Algorithm.Version == "":
		return errors.New("algorithm without name or version")
	}
	for i, s := range r.Segments {
		if s.Frame < 1 || s.Pixels < 0 || s.Pixels > r.Rows*r.Columns ||
			!(s.FieldFraction >= 0 && s.FieldFraction <= 1) || !(s.MeanProbability >= 0 && s.MeanProbability <= 1) {
			return fmt.Errorf("segment %d: a number is out of range", i+1)
		}
		if s.Label == "" || s.Type.Value == "" {
			return fmt.Errorf("segment %d: no label or type", i+1)
		}
	}
	return nil
}

// dataSet is the document but for the UID made from it.
func (r *Report) dataSet() *iod.DataSet {
	d := &iod.DataSet{}
	d.PatientAndStudy(r.Source)
	d.Equipment(r.Equipment)
	d.TimeZone(r.Source)
	d.Sequence(tag.CodingSchemeIdentificationSequence, schemeItem())
	r.series(d)
	r.general(d)
	r.tree().fill(d)
	return d
}

// schemeItem identifies PrivateScheme (PS3.3 C.12.1.1.4).
func schemeItem() *iod.DataSet {
	d := &iod.DataSet{}
	d.Strings(tag.CodingSchemeDesignator, PrivateScheme)
	d.Strings(tag.CodingSchemeName, "Measurements of segmented radiographs")
	d.Strings(tag.CodingSchemeResponsibleOrganization, "dicomnode")
	return d
}

// series sets the SR Document Series module (PS3.3 C.17.1). The reports of a
// study share one series, so it carries nothing that differs between them.
func (r *Report) series(d *iod.DataSet) {
	d.Strings(tag.Modality, "SR")
	d.Strings(tag.SeriesInstanceUID, iod.UID("sr series", r.Source.String(tag.StudyInstanceUID),
		r.Equipment.Manufacturer, r.Equipment.ModelName, r.Equipment.SerialNumber))
	d.Ints(tag.SeriesNumber, seriesNumber)
	d.Strings(tag.SeriesDescription, "Regions: measurements")
	d.Sequence(tag.ReferencedPerformedProcedureStepSequence)
}

// general sets the SR Document General module (PS3.3 C.17.2). No human has
// verified the report.
func (r *Report) general(d *iod.DataSet) {
	d.Ints(tag.InstanceNumber, instanceNumber(r.Source))
	d.Moment(tag.ContentDate, tag.ContentTime, iod.LocalTime(r.Source, r.Created))
	d.Strings(tag.CompletionFlag, "COMPLETE")
	d.Strings(tag.VerificationFlag, "UNVERIFIED")
	d.Strings(tag.PreliminaryFlag, "PRELIMINARY")
	d.Sequence(tag.PerformedProcedureCodeSequence)
	d.Sequence(tag.CurrentRequestedProcedureEvidenceSequence, r.evidence())
}

// instanceNumber is that of the image, so that reports are listed in the order
// of their images; 1 without one.
func instanceNumber(s iod.Source) int {
	n, err := strconv.Atoi(s.String(tag.InstanceNumber))
	if err != nil || n < 1 || n > 1<<31-1 {
		return 1
	}
	return n
}

// evidence lists what the content refers to: the image and its segmentation
// (PS3.3 C.17.2.3).
func (r *Report) evidence() *iod.DataSet {
	study := &iod.DataSet{}
	study.ForeignUID(tag.StudyInstanceUID, r.Source.String(tag.StudyInstanceUID))
	study.Sequence(tag.ReferencedSeriesSequence, evidenceSeries(r.Image), evidenceSeries(r.Segmentation))
	return study
}

func evidenceSeries(r Reference) *iod.DataSet {
	d := &iod.DataSet{}
	d.ForeignUID(tag.SeriesInstanceUID, r.SeriesInstanceUID)
	d.Sequence(tag.ReferencedSOPSequence, iod.Reference(r.SOPClassUID, r.SOPInstanceUID))
	return d
}
