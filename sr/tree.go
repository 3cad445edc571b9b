package sr

import (
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// tree is the document after TID 1500.
func (r *Report) tree() node {
	groups := make([]node, 0, len(r.Segments))
	for _, s := range r.Segments {
		groups = append(groups, r.group(s))
	}
	children := []node{code(conceptMod, language, english)}
	children = append(children, r.observer()...)
	children = append(children,
		code(conceptMod, procedureReported, imagingProcedure),
		r.library(),
		container(contains, imagingMeasurements, "", append(r.algorithm(), groups...)...),
		r.evaluations(),
	)
	return container("", measurementReport, "1500", children...)
}

// observer is the device that reports (TID 1002, TID 1004).
func (r *Report) observer() []node {
	e := r.Equipment
	return []node{
		code(obsContext, observerType, deviceObserver),
		uidRef(obsContext, deviceUID, iod.UID("device", e.Manufacturer, e.ModelName, e.SerialNumber)),
		text(obsContext, deviceName, e.ModelName),
		text(obsContext, deviceManufacturer, e.Manufacturer),
		text(obsContext, deviceModel, e.ModelName),
		text(obsContext, deviceSerial, e.SerialNumber),
	}
}

// library describes the image that was measured (TID 1600 to 1603).
func (r *Report) library() node {
	region, side := r.region()
	orientation := r.orientation()
	rows := []node{
		code(acqContext, modality, modalities[r.Source.String(tag.Modality)]),
		code(acqContext, targetRegion, region),
		code(acqContext, imageLaterality, side),
		number(acqContext, pixelRows, float64(r.Rows), pixels),
		number(acqContext, pixelColumns, float64(r.Columns), pixels),
		text(acqContext, orientationRow, orientation[0]),
		text(acqContext, orientationColumn, orientation[1]),
	}
	if spacing, known := iod.PixelSpacing(r.Source); known {
		rows = append(rows,
			number(acqContext, horizontalSpacing, spacing.Column, millimetres),
			number(acqContext, verticalSpacing, spacing.Row, millimetres))
	}
	return container(contains, imageLibrary, "",
		container(contains, imageLibraryGroup, "",
			image(contains, source, r.Image, r.Frame, rows...)))
}

// region is the anatomic region and, of a paired part, its side. A region that
// the source codes itself is preferred.
func (r *Report) region() (region, side iod.Code) {
	side = sides[iod.Laterality(r.Source)]
	region, paired, known := iod.AnatomicRegion(r.Source.String(tag.BodyPartExamined))
	if coded, ok := codeOf(r.Source, tag.AnatomicRegionSequence); ok {
		return coded, side
	}
	if !known || !paired {
		side = iod.Code{}
	}
	return region, side
}

// codeOf is the first item of a code sequence, when it is complete and valid.
func codeOf(s iod.Source, t tag.Tag) (iod.Code, bool) {
	items := s.Items(t)
	if len(items) == 0 {
		return iod.Code{}, false
	}
	c := iod.Code{
		Value:   items[0].String(tag.CodeValue),
		Scheme:  items[0].String(tag.CodingSchemeDesignator),
		Meaning: items[0].String(tag.CodeMeaning),
	}
	valid := c.Value != "" && len(c.Value) <= 16 && c.Scheme != "" && c.Meaning != "" && c.Item().Err() == nil
	return c, valid
}

// orientation is Patient Orientation (0020,0020): of the rows and of the
// columns, empty when the source does not give both.
func (r *Report) orientation() (o [2]string) {
	if v := r.Source.Strings(tag.PatientOrientation); len(v) == 2 {
		o[0], o[1] = strings.TrimSpace(v[0]), strings.TrimSpace(v[1])
	}
	return o
}

// group is the measurement group of one segment (TID 1410).
func (r *Report) group(s Segment) node {
	children := []node{
		text(obsContext, trackingIdentifier, s.Label),
		uidRef(obsContext, trackingUID, s.TrackingUID),
		code(contains, finding, s.Type),
		image(contains, segmentationFrame, r.Segmentation, s.Frame),
		image(contains, sourceImage, r.Image, r.Frame),
		r.site(s),
	}
	children = append(children, r.measurements(s)...)
	return container(contains, measurementGroup, "1410", children...)
}

// site is where a tissue was found; an open beam has no site in the body.
func (r *Report) site(s Segment) node {
	if !s.Anatomic {
		return absent
	}
	region, side := r.region()
	return code(conceptMod, findingSite, region, code(conceptMod, laterality, side))
}

// measurements are the numbers of a segment (TID 1419).
func (r *Report) measurements(s Segment) []node {
	out := []node{
		number(contains, segmentPixels, float64(s.Pixels), pixels),
		number(contains, fieldFraction, 100*s.FieldFraction, percent),
	}
	if spacing, known := iod.PixelSpacing(r.Source); known {
		method := code(conceptMod, measurementMethod, areaMethods[spacing.Basis])
		value := float64(s.Pixels) * spacing.Row * spacing.Column
		out = append([]node{number(contains, area, value, squareMillimetres, method)}, out...)
	}
	if s.Pixels > 0 {
		out = append(out, number(contains, probability, s.MeanProbability, noUnits, code(conceptMod, derivation, mean)))
	}
	return out
}

// algorithm is TID 4019. It stands once, before the groups: inside a group the
// template has no place for it.
func (r *Report) algorithm() []node {
	return []node{
		text(conceptMod, algorithmName, r.Algorithm.Name),
		text(conceptMod, algorithmVersion, r.Algorithm.Version),
		text(conceptMod, algorithmParameters, r.Algorithm.Parameters),
	}
}

// evaluations is TID 1500 rows 12 to 14.
func (r *Report) evaluations() node {
	var rows []node
	for _, e := range r.Evaluations {
		if row := text(contains, e.Concept, e.Text); row.valueType != "" {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return absent
	}
	return container(contains, qualitativeEvaluations, "", rows...)
}
