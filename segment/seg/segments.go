package seg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/scales"
)

// Region describes one segment; its number is its place in [Regions], from 1.
type Region struct {
	Label            string
	Category, Type   iod.Code // CID 7150, CID 7151
	Red, Green, Blue uint8    // recommended display colour, sRGB
	Anatomic         bool     // lies in the body: carries the anatomic region
}

// segmentTable has no metal: the network knows none. The colours are those of
// Okabe and Ito, which stay apart for colour-blind readers. No standard concept
// means the open beam; Background is the nearest.
var segmentTable = []Region{
	{"Open beam", iod.SpatialAndRelationalConcept, iod.Background, 86, 180, 233, false},
	{"Soft tissue", iod.Tissue, iod.SoftTissue, 230, 159, 0, true},
	{"Bone", iod.Tissue, iod.Bone, 0, 158, 115, true},
	{"Soft tissue, high precision", iod.Tissue, iod.SoftTissue, 204, 121, 167, true},
}

// Regions are the segments of a BINARY object in order. The caller must not
// change them.
func Regions() []Region { return segmentTable }

// segments sets Segment Sequence (PS3.3 C.8.20.2, Table C.8.20-4).
func (s *SEG) segments(d *iod.DataSet) {
	descriptions := []string{
		"Pixels reached by the unattenuated beam",
		"Soft tissue without bone in front or behind",
		"Bone, alone or with soft tissue in front or behind",
		fmt.Sprintf("Soft tissue pixels with a model probability of at least %.4g", s.res.SoftTissueThreshold),
	}
	items := make([]*iod.DataSet, s.form.segments)
	for i, kind := range segmentTable[:s.form.segments] {
		items[i] = s.segment(i+1, kind, descriptions[i])
	}
	if s.hasBackground() {
		items = append(items, background())
	}
	d.Sequence(tag.SegmentSequence, items...)
}

// hasBackground: some pixel of a label map belongs to no segment and is 0.
func (s *SEG) hasBackground() bool {
	return s.form.form == Labelmap && slices.Contains(s.res.Field, false)
}

// background describes the value 0 of a label map, which must have an item once it
// occurs (PS3.3 C.8.20.2.3). It stands last: some readers count items instead of reading
// Segment Number, and would give every region the colour of its neighbour.
func background() *iod.DataSet {
	d := &iod.DataSet{}
	d.Ints(tag.SegmentNumber, 0)
	d.Strings(tag.SegmentLabel, "Outside the exposed field")
	d.Strings(tag.SegmentAlgorithmType, "MANUAL")
	d.Sequence(tag.SegmentedPropertyCategoryCodeSequence, iod.SpatialAndRelationalConcept.Item())
	d.Sequence(tag.SegmentedPropertyTypeCodeSequence, iod.Background.Item())
	lab := iod.CIELab(0, 0, 0)
	d.Ints(tag.RecommendedDisplayCIELabValue, int(lab[0]), int(lab[1]), int(lab[2]))
	return d
}

func (s *SEG) segment(number int, kind Region, description string) *iod.DataSet {
	d := &iod.DataSet{}
	d.Ints(tag.SegmentNumber, number)
	d.Strings(tag.SegmentLabel, kind.Label)
	d.Strings(tag.SegmentDescription, description)
	d.Strings(tag.SegmentAlgorithmType, "AUTOMATIC")
	d.Required(tag.SegmentAlgorithmName, s.res.Model.Name)
	d.Sequence(tag.SegmentationAlgorithmIdentificationSequence, s.algorithm())
	d.Sequence(tag.SegmentedPropertyCategoryCodeSequence, kind.Category.Item())
	d.Sequence(tag.SegmentedPropertyTypeCodeSequence, kind.Type.Item())
	if kind.Anatomic {
		d.AnatomicRegion(s.source)
	}
	lab := iod.CIELab(kind.Red, kind.Green, kind.Blue)
	d.Ints(tag.RecommendedDisplayCIELabValue, int(lab[0]), int(lab[1]), int(lab[2]))
	d.Strings(tag.TrackingID, kind.Label)
	d.Strings(tag.TrackingUID, iod.TrackingUID(s.img.SOPInstanceUID, number))
	return d
}

// algorithm is the Algorithm Identification Macro (PS3.3 Table 10-19).
func (s *SEG) algorithm() *iod.DataSet {
	d := &iod.DataSet{}
	d.Sequence(tag.AlgorithmFamilyCodeSequence, iod.ArtificialIntelligence.Item())
	d.Required(tag.AlgorithmName, s.res.Model.Name)
	d.Required(tag.AlgorithmVersion, AlgorithmVersion(s.res.Model, s.opt.Version))
	d.Strings(tag.AlgorithmParameters, s.parameters())
	d.Optional(tag.AlgorithmSource, s.opt.Manufacturer)
	return d
}

// AlgorithmVersion is the release of this program with the beginning of the model's
// digest, at most 64 characters.
func AlgorithmVersion(m segment.Model, release string) string {
	digest := clip(m.Digest, 12)
	return clip(release, 63-len(digest)) + " " + digest
}

// parameters is what a reader needs to judge or repeat the segmentation.
func (s *SEG) parameters() string {
	r := s.res
	lines := []string{
		fmt.Sprintf("model: %s %s", r.Model.Name, r.Model.Version),
		"model SHA-256: " + r.Model.Digest,
		"configuration SHA-256: " + r.ConfigDigest,
		"device: " + r.Model.Device,
		fmt.Sprintf("soft tissue threshold: %.4g", r.SoftTissueThreshold),
		"dark correction: " + r.Dark.String(),
		"exposed field: " + r.FieldRecord.String(),
		"polarity: " + r.Polarity.String(),
	}
	if r.Effort != "" && r.Effort != scales.Whole {
		lines = append(lines, fmt.Sprintf("effort: %s (%s)", r.Effort, r.Scales))
	}
	if r.Quality != (segment.Quality{}) {
		lines = append(lines, "quality: "+r.Quality.String())
	}
	if r.Frames > 1 {
		lines = append(lines, fmt.Sprintf("frame: %d of %d, %s", r.Frame, r.Frames, r.FrameReason))
	}
	if text := r.Padding.String(); text != "" {
		lines = append(lines, "padding: "+text)
	}
	if f := r.Guided; f != nil {
		lines = append(lines, fmt.Sprintf("borders: guided filter, radius %.4g network pixels, epsilon %.4g", f.Radius, f.Epsilon))
	}
	for _, w := range r.Warnings() {
		lines = append(lines, "warning: "+w)
	}
	return strings.Join(lines, "\r\n")
}
