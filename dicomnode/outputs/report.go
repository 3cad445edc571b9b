package outputs

import (
	"fmt"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/seg"
	"dicomnode/sr"
)

// measurements are the contents of the report of the image.
func (m *Maker) measurements() sr.Report {
	source, res := m.img.Source(), m.res
	r := sr.Report{
		Source: source, Rows: res.Rows, Columns: res.Columns,
		Image: sr.Reference{SOPClassUID: m.img.SOPClassUID, SOPInstanceUID: m.img.SOPInstanceUID,
			SeriesInstanceUID: source.String(tag.SeriesInstanceUID)},
		Segmentation: sr.Reference{SOPClassUID: m.binary.SOPClassUID(), SOPInstanceUID: m.binary.UID(),
			SeriesInstanceUID: m.binary.SeriesInstanceUID()},
		Segments:    m.segments(),
		Evaluations: evaluations(res),
		Algorithm: sr.Algorithm{Name: res.Model.Name, Version: seg.AlgorithmVersion(res.Model, m.version),
			Parameters: fmt.Sprintf("soft tissue threshold: %.4g", res.SoftTissueThreshold)},
		Equipment: m.product(),
		Created:   m.created(),
	}
	if frame, ok := res.ReferencedFrame(m.img.SOPClassUID); ok {
		r.Frame = frame
	}
	return r
}

// segments are the measurements of the segments, in the order of the segmentation's
// frames.
func (m *Maker) segments() []sr.Segment {
	statistics := []segment.Statistics{m.res.Open, m.res.Soft, m.res.Bone, m.res.HighPrecisionSoft}
	out := make([]sr.Segment, len(statistics))
	for i, r := range seg.Regions() {
		out[i] = sr.Segment{
			Frame: i + 1, Label: r.Label, Type: r.Type, Anatomic: r.Anatomic,
			TrackingUID: iod.TrackingUID(m.img.SOPInstanceUID, i+1),
			Pixels:      statistics[i].Pixels, FieldFraction: statistics[i].Fraction,
			MeanProbability: min(max(statistics[i].MeanProbability, 0), 1),
		}
	}
	return out
}

// evaluations describe how the image was processed.
func evaluations(res *segment.Result) []sr.Evaluation {
	return []sr.Evaluation{
		{Concept: sr.DarkCorrection, Text: res.Dark.String()},
		{Concept: sr.ExposedField, Text: withoutDigest(res.FieldRecord.String())},
		{Concept: sr.Polarity, Text: res.Polarity.String()},
		{Concept: sr.Quality, Text: qualityInWords(res.Quality)},
		{Concept: sr.Caution, Text: "Computed by a model that is no medical device. Not for diagnostic use."},
	}
}

// qualityInWords is the quality with its warning, "" if a result has none.
func qualityInWords(q segment.Quality) string {
	switch {
	case q == segment.Quality{}:
		return ""
	case q.Warning() != "":
		return q.String() + "; " + q.Warning()
	}
	return q.String()
}

// withoutDigest removes digests, which are of no use to readers; the segmentation has them.
func withoutDigest(s string) string {
	before, _, _ := strings.Cut(s, ", network SHA-256")
	return before
}
