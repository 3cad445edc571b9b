package seg

import (
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// dimensions sets the Multi-frame Dimension module (PS3.3 C.7.6.17): one
// dimension, the segment number, or of a label map, which has all segments in
// one frame, the label of that frame.
func (s *SEG) dimensions(d *iod.DataSet, uid string) {
	organization := &iod.DataSet{}
	organization.Strings(tag.DimensionOrganizationUID, uid)
	d.Sequence(tag.DimensionOrganizationSequence, organization)

	index := &iod.DataSet{}
	index.Strings(tag.DimensionOrganizationUID, uid)
	index.Tags(tag.DimensionIndexPointer, s.form.dimension)
	index.Tags(tag.FunctionalGroupPointer, s.form.group)
	index.Strings(tag.DimensionDescriptionLabel, s.form.dimensionLabel)
	d.Sequence(tag.DimensionIndexSequence, index)
}

// functionalGroups sets the Multi-frame Functional Groups module (PS3.3
// C.7.6.16). An empty segment has its frame as well, so that frame i shows
// segment i in every object.
func (s *SEG) functionalGroups(d *iod.DataSet) {
	shared := &iod.DataSet{}
	if s.opt.Profile == Display {
		s.frameOfReference(d)
		s.plane(shared)
	}
	d.Sequence(tag.SharedFunctionalGroupsSequence, shared)

	frames := make([]*iod.DataSet, s.form.frames)
	for i := range frames {
		frames[i] = s.frame(i + 1)
	}
	d.Sequence(tag.PerFrameFunctionalGroupsSequence, frames...)
}

// frame describes the frame of one segment (PS3.3 C.7.6.16.2.2, C.8.20.3.1,
// C.7.6.16.2.6).
func (s *SEG) frame(number int) *iod.DataSet {
	content := &iod.DataSet{}
	content.Ints(tag.DimensionIndexValues, number)
	d := &iod.DataSet{}
	d.Sequence(tag.FrameContentSequence, content)
	if s.form.form == Labelmap {
		content.Strings(tag.FrameLabel, "LABELMAP")
	} else {
		identification := &iod.DataSet{}
		identification.Ints(tag.ReferencedSegmentNumber, number)
		d.Sequence(tag.SegmentIdentificationSequence, identification)
	}
	d.Sequence(tag.DerivationImageSequence, s.derivation())
	if s.opt.Profile == Display {
		position := &iod.DataSet{}
		s.copyOr(position, tag.ImagePositionPatient, 0, 0, 0)
		d.Sequence(tag.PlanePositionSequence, position)
	}
	return d
}

// derivation ties a frame to its source pixel by pixel.
func (s *SEG) derivation() *iod.DataSet {
	source := s.sourceImage()
	source.Sequence(tag.PurposeOfReferenceCodeSequence, iod.SourceImageForOperation.Item())
	source.Strings(tag.SpatialLocationsPreserved, "YES")

	d := &iod.DataSet{}
	d.Sequence(tag.DerivationCodeSequence, iod.Segmentation.Item())
	d.Sequence(tag.SourceImageSequence, source)
	return d
}

// frameOfReference sets the Frame of Reference module (PS3.3 C.7.4.1), to one of
// the image's own where the source has none that can be written.
func (s *SEG) frameOfReference(d *iod.DataSet) {
	uid, trial := s.source.String(tag.FrameOfReferenceUID), &iod.DataSet{}
	if trial.ForeignUID(tag.FrameOfReferenceUID, uid); trial.Err() != nil {
		uid = iod.FrameOfReferenceUID(s.img.SOPInstanceUID)
	}
	d.ForeignUID(tag.FrameOfReferenceUID, uid)
	d.CopyOrEmpty(s.source, tag.PositionReferenceIndicator)
}

// plane sets Plane Orientation and Pixel Measures (PS3.3 C.7.6.16.2.4,
// C.7.6.16.2.1). A projection has no slice thickness, yet the attribute is
// required there; 1 mm, and pixels 1 mm wide where the source gives no spacing,
// have no physical meaning.
func (s *SEG) plane(shared *iod.DataSet) {
	orientation := &iod.DataSet{}
	s.copyOr(orientation, tag.ImageOrientationPatient, 1, 0, 0, 0, 1, 0)
	shared.Sequence(tag.PlaneOrientationSequence, orientation)

	spacing, known := iod.PixelSpacing(s.source)
	if !known {
		spacing.Row, spacing.Column = 1, 1
		if ratio, known := iod.PixelAspectRatio(s.source); known {
			spacing.Row = float64(ratio[0]) / float64(ratio[1])
		}
	}
	measures := &iod.DataSet{}
	measures.Decimals(tag.PixelSpacing, spacing.Row, spacing.Column)
	measures.Decimals(tag.SliceThickness, 1)
	shared.Sequence(tag.PixelMeasuresSequence, measures)
}

// copyOr copies a Type 1 attribute of the source with as many values as otherwise
// has, or sets it to these.
func (s *SEG) copyOr(d *iod.DataSet, t tag.Tag, otherwise ...float64) {
	if len(s.source.Strings(t)) == len(otherwise) {
		d.Copy(s.source, t)
	}
	if !d.Has(t) {
		d.Decimals(t, otherwise...)
	}
}
